"""The suite's records in Python: lines of JSON, bytes in base64."""

import base64
import json


def _encode(data):
    return None if data is None else base64.b64encode(data).decode()


def _decode(text):
    return None if text is None else base64.b64decode(text)


def read(path):
    with open(path, encoding="utf-8") as lines:
        for line in lines:
            record = json.loads(line)
            record["key"] = _decode(record["key"])
            record["value"] = _decode(record["value"])
            record["headers"] = [(name, _decode(value)) for name, value in record["headers"]]
            yield record


def write(path, records):
    """Of (partition, offset, timestamp, key, value, headers), and of a group the number of the member."""
    with open(path, "w", encoding="utf-8") as lines:
        for partition, offset, timestamp, key, value, headers, *member in records:
            record = {
                "partition": partition,
                "offset": offset,
                "timestamp": timestamp,
                "key": _encode(key),
                "value": _encode(value),
                "headers": [[name, _encode(data)] for name, data in headers or []],
            }
            if member:
                record["member"] = member[0]
            lines.write(json.dumps(record) + "\n")

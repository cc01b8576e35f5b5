"""write | read with kafka-python; see round-trips.ts for the arguments."""

import sys
import time

import records
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

LIMIT_SECONDS = 60
READ_SECONDS = 30


def create(bootstrap, topic, partitions):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=-1)])
    admin.close()


def write(bootstrap, topic, path, partitions, codec, acks, mode):
    create(bootstrap, topic, int(partitions))
    producer = KafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=None if codec == "none" else codec,
        acks=acks if acks == "all" else int(acks),
        enable_idempotence=mode == "idempotent",
        # Without sequence numbers only one request at a time keeps the order through a retry.
        max_in_flight_requests_per_connection=5 if mode == "idempotent" else 1,
        linger_ms=5,
    )
    sent = [
        producer.send(
            topic,
            value=record["value"],
            key=record["key"],
            headers=record["headers"],
            partition=record["partition"],
            timestamp_ms=record["timestamp"],
        )
        for record in records.read(path)
    ]
    producer.flush(LIMIT_SECONDS)
    for future in sent:
        future.get(LIMIT_SECONDS)
    producer.close(LIMIT_SECONDS)


def read(bootstrap, topic, path, count):
    consumer = KafkaConsumer(bootstrap_servers=bootstrap, enable_auto_commit=False, group_id=None)
    partitions = [TopicPartition(topic, number) for number in sorted(consumer.partitions_for_topic(topic))]
    consumer.assign(partitions)
    consumer.seek_to_beginning()
    found = []
    until = time.monotonic() + READ_SECONDS
    while time.monotonic() < until:
        for batch in consumer.poll(timeout_ms=500).values():
            found.extend(batch)
        if len(found) >= int(count):
            ends = consumer.end_offsets(partitions)
            if all(consumer.position(partition) >= ends[partition] for partition in partitions):
                break
    consumer.close()
    records.write(
        path,
        ((r.partition, r.offset, r.timestamp, r.key, r.value, r.headers) for r in found),
    )


{"write": write, "read": read}[sys.argv[1]](*sys.argv[2:])

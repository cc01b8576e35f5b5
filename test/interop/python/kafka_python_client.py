"""write | read | group with kafka-python; see round-trips.ts and group-round-trips.ts for the arguments."""

import sys
import threading
import time

import records
from kafka import KafkaConsumer, KafkaProducer, TopicPartition
from kafka.admin import KafkaAdminClient, NewTopic

LIMIT_SECONDS = 60
READ_SECONDS = 30
GROUP_SECONDS = 60


def create(bootstrap, topic, partitions):
    admin = KafkaAdminClient(bootstrap_servers=bootstrap)
    admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=-1)])
    admin.close()
    # A leader that has not yet heard of the topic refuses what is sent to it; without acknowledgements that is lost.
    consumer = KafkaConsumer(bootstrap_servers=bootstrap)
    consumer.end_offsets([TopicPartition(topic, number) for number in range(partitions)], LIMIT_SECONDS * 1000)
    consumer.close()


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


def group(bootstrap, topic, path, count, group_id, protocol):
    if protocol != "classic":
        sys.exit(f"the library has no protocol {protocol}")
    found = [[], []]
    different = set()
    late = threading.Event()
    committed = threading.Barrier(len(found))

    def enough():
        return late.is_set() or (len(different) >= int(count) and all(found))

    def read_on(own):
        member = KafkaConsumer(
            topic,
            bootstrap_servers=bootstrap,
            group_id=group_id,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
        )
        while not enough():
            # Who is alone at first leaves some to the other.
            size = 50 if all(found) else 1
            for batch in member.poll(timeout_ms=100, max_records=size).values():
                own.extend(batch)
                different.update((record.partition, record.offset) for record in batch)
            if size == 1:
                time.sleep(0.1)
        if not late.is_set():
            member.commit()
        # One that leaves takes partitions from the other.
        committed.wait(LIMIT_SECONDS)
        member.close()

    threads = [threading.Thread(target=read_on, args=(own,), daemon=True) for own in found]
    for thread in threads:
        thread.start()
    until = time.monotonic() + GROUP_SECONDS
    while not enough() and all(thread.is_alive() for thread in threads):
        if time.monotonic() > until:
            late.set()
        time.sleep(0.05)
    for thread in threads:
        thread.join(LIMIT_SECONDS)
    if late.is_set() or committed.broken or any(thread.is_alive() for thread in threads):
        sys.exit(f"{len(different)} of {count} records, {[len(each) for each in found]} by member")
    records.write(
        path,
        (
            (r.partition, r.offset, r.timestamp, r.key, r.value, r.headers, number)
            for number, own in enumerate(found)
            for r in own
        ),
    )


{"write": write, "read": read, "group": group}[sys.argv[1]](*sys.argv[2:])

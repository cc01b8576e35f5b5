"""write | read | group | configs with confluent-kafka; see round-trips.ts and group-round-trips.ts for the arguments. admin BOOTSTRAP TOPIC: the life of a topic."""

import sys
import time

import records
from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, KafkaException, Producer, TopicPartition
from confluent_kafka.admin import (
    AdminClient,
    AlterConfigOpType,
    ConfigEntry,
    ConfigResource,
    ConfigSource,
    NewPartitions,
    NewTopic,
    ResourceType,
)

LIMIT_SECONDS = 60
READ_SECONDS = 30
GROUP_SECONDS = 60
NOT_YET_HEARD = (
    KafkaError._UNKNOWN_PARTITION,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.NOT_LEADER_FOR_PARTITION,
    KafkaError.LEADER_NOT_AVAILABLE,
)


def create(bootstrap, topic, partitions):
    admin = AdminClient({"bootstrap.servers": bootstrap})
    created = admin.create_topics([NewTopic(topic, num_partitions=partitions, replication_factor=-1)])
    created[topic].result(LIMIT_SECONDS)
    await_leaders(bootstrap, topic, partitions)


def await_leaders(bootstrap, topic, partitions):
    """Each leader answers for its partition.

    One that has not yet heard of a new topic refuses a batch, and librdkafka has by then built the next one, which overtakes it
    even with max.in.flight=1: without sequence numbers the order is lost in the client.
    """
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})

    def leads(number):
        return consumer.get_watermark_offsets(TopicPartition(topic, number), LIMIT_SECONDS)

    for number in range(partitions):
        soon(lambda: leads(number))
    consumer.close()


def refused(future, code):
    try:
        future.result(LIMIT_SECONDS)
    except KafkaException as error:
        if error.args[0].code() == code:
            return
        raise
    sys.exit(f"no error where {code} was expected")


def soon(attempt):
    """What it gives, once it gives something: a broker that is asked hears of a change a little after it was answered."""
    until = time.monotonic() + READ_SECONDS
    while True:
        try:
            found = attempt()
        except KafkaException as error:
            if error.args[0].code() not in NOT_YET_HEARD:
                raise
            found = None
        if found is not None:
            return found
        if time.monotonic() > until:
            sys.exit("what was changed is not seen")
        time.sleep(0.05)


def admin(bootstrap, topic):
    client = AdminClient({"bootstrap.servers": bootstrap})
    create(bootstrap, topic, 2)
    producer = Producer({"bootstrap.servers": bootstrap})
    producer.produce(topic, value=b"old", partition=1)
    producer.flush(LIMIT_SECONDS)
    client.create_partitions([NewPartitions(topic, 5)])[topic].result(LIMIT_SECONDS)

    def grown():
        found = len(client.list_topics(topic, timeout=LIMIT_SECONDS).topics[topic].partitions)
        return None if found < 5 else found

    if soon(grown) != 5:
        sys.exit("more than the 5 partitions that were asked for")
    refused(client.create_partitions([NewPartitions(topic, 4)])[topic], KafkaError.INVALID_PARTITIONS)
    client.delete_topics([topic])[topic].result(LIMIT_SECONDS)
    refused(client.delete_topics([topic])[topic], KafkaError.UNKNOWN_TOPIC_OR_PART)
    create(bootstrap, topic, 2)
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "unused"})

    def is_empty(number):
        ends = consumer.get_watermark_offsets(TopicPartition(topic, number), LIMIT_SECONDS)
        return True if ends == (0, 0) else None

    for number in range(2):
        soon(lambda: is_empty(number))
    consumer.close()


def write(bootstrap, topic, path, partitions, codec, acks, mode):
    create(bootstrap, topic, int(partitions))
    producer = Producer(
        {
            "bootstrap.servers": bootstrap,
            "compression.type": codec,
            "acks": acks,
            "enable.idempotence": mode == "idempotent",
            # Without sequence numbers only one request at a time keeps the order through a retry.
            "max.in.flight": 5 if mode == "idempotent" else 1,
        }
    )
    failed = []
    acknowledged = []

    def done(error, message):
        (acknowledged if error is None else failed).append(error or message.offset())

    for record in records.read(path):
        producer.produce(
            topic,
            value=record["value"],
            key=record["key"],
            headers=record["headers"],
            partition=record["partition"],
            timestamp=record["timestamp"],
            on_delivery=done,
        )
        producer.poll(0)
    left = producer.flush(LIMIT_SECONDS)
    if failed or left:
        sys.exit(f"{len(failed)} failed, {left} are left: {failed[:3]}")


def read(bootstrap, topic, path, count):
    consumer = Consumer(
        {
            "bootstrap.servers": bootstrap,
            # The library insists on a name; with assign() it joins no group.
            "group.id": "unused",
            "enable.auto.commit": False,
            "enable.partition.eof": False,
        }
    )
    numbers = sorted(consumer.list_topics(topic, timeout=LIMIT_SECONDS).topics[topic].partitions)
    consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in numbers])
    found = []
    until = time.monotonic() + READ_SECONDS
    while time.monotonic() < until:
        for message in consumer.consume(500, timeout=0.2):
            if message.error():
                sys.exit(str(message.error()))
            found.append(message)
        if len(found) >= int(count):
            ends = [consumer.get_watermark_offsets(TopicPartition(topic, number), LIMIT_SECONDS)[1] for number in numbers]
            if len(found) >= sum(ends):
                break
    consumer.close()
    records.write(
        path,
        ((m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), m.headers()) for m in found),
    )


def group(bootstrap, topic, path, count, group_id, protocol):
    members = [
        Consumer(
            {
                "bootstrap.servers": bootstrap,
                "group.id": group_id,
                "group.protocol": protocol,
                "auto.offset.reset": "earliest",
                "enable.auto.commit": False,
            }
        )
        for _ in range(2)
    ]
    for member in members:
        member.subscribe([topic])
    found = [[] for _ in members]
    different = set()
    until = time.monotonic() + GROUP_SECONDS
    while len(different) < int(count) or not all(found):
        if time.monotonic() > until:
            sys.exit(f"{len(different)} of {count} records, {[len(each) for each in found]} by member")
        # Who is alone at first leaves some to the other.
        size = 50 if all(found) else 1
        for member, own in zip(members, found):
            for message in member.consume(size, timeout=0.1):
                if message.error():
                    sys.exit(str(message.error()))
                own.append(message)
                different.add((message.partition(), message.offset()))
    for member in members:
        member.commit(asynchronous=False)
    for member in members:
        member.close()
    records.write(
        path,
        (
            (m.partition(), m.offset(), m.timestamp()[1], m.key(), m.value(), m.headers(), number)
            for number, own in enumerate(found)
            for m in own
        ),
    )


def configs(bootstrap, topic):
    """Sets, describes and takes back a setting of a topic, in both ways; prints what each step saw."""
    create(bootstrap, topic, 1)
    admin = AdminClient({"bootstrap.servers": bootstrap})
    key = "max.message.bytes"

    def described(value):
        resource = ConfigResource(ResourceType.TOPIC, topic)
        entry = admin.describe_configs([resource])[resource].result(LIMIT_SECONDS)[key]
        return f"{entry.value} {ConfigSource(entry.source).name} {len(entry.synonyms)}" if entry.value == value else None

    def incremental(operation, value, name=key):
        entry = ConfigEntry(name, value, incremental_operation=operation)
        resource = ConfigResource(ResourceType.TOPIC, topic, incremental_configs=[entry])
        admin.incremental_alter_configs([resource])[resource].result(LIMIT_SECONDS)

    print(soon(lambda: described("1048588")))
    incremental(AlterConfigOpType.SET, "54321")
    print(soon(lambda: described("54321")))
    incremental(AlterConfigOpType.DELETE, None)
    print(soon(lambda: described("1048588")))
    resource = ConfigResource(ResourceType.TOPIC, topic, set_config={key: "65432"})
    admin.alter_configs([resource])[resource].result(LIMIT_SECONDS)
    print(soon(lambda: described("65432")))
    try:
        incremental(AlterConfigOpType.SET, "1", "no.such.setting")
    except KafkaException as error:
        print(error.args[0].name())


{"write": write, "read": read, "group": group, "configs": configs, "admin": admin}[sys.argv[1]](*sys.argv[2:])

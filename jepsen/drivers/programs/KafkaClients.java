// Apache Kafka's own client as a driver: see ../protocol.ts. Each client has a thread of its own; one that crashes closes its connections without leaving its group.
// It is started from its source: java -cp JARS KafkaClients.java
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedReader;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.charset.StandardCharsets;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Properties;
import java.util.Set;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.Future;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.stream.Collectors;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.AlterConfigOp;
import org.apache.kafka.clients.admin.ConfigEntry;
import org.apache.kafka.clients.admin.ListConsumerGroupOffsetsSpec;
import org.apache.kafka.clients.admin.ListOffsetsOptions;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.admin.OffsetSpec;
import org.apache.kafka.clients.consumer.CloseOptions;
import org.apache.kafka.clients.consumer.ConsumerRebalanceListener;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.consumer.OffsetAndMetadata;
import org.apache.kafka.clients.producer.BufferExhaustedException;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.clients.producer.RecordMetadata;
import org.apache.kafka.common.IsolationLevel;
import org.apache.kafka.common.KafkaException;
import org.apache.kafka.common.KafkaFuture;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.config.ConfigResource;
import org.apache.kafka.common.errors.UnknownTopicOrPartitionException;
import org.apache.kafka.common.errors.WakeupException;
import org.apache.kafka.common.protocol.Errors;
import org.apache.kafka.common.serialization.StringDeserializer;
import org.apache.kafka.common.serialization.StringSerializer;
import org.apache.kafka.common.utils.AppInfoParser;

public class KafkaClients {
    static final ObjectMapper JSON = new ObjectMapper();
    static final PrintStream OUT = System.out;

    /** Answers of a server after which nothing was done, nor will be. */
    static final Set<Errors> REFUSED = Set.of(
        Errors.TOPIC_ALREADY_EXISTS, Errors.UNKNOWN_TOPIC_OR_PARTITION, Errors.INVALID_REPLICATION_FACTOR,
        Errors.INVALID_PARTITIONS, Errors.INVALID_TOPIC_EXCEPTION, Errors.INVALID_CONFIG, Errors.POLICY_VIOLATION,
        Errors.INVALID_REQUEST, Errors.UNSUPPORTED_VERSION, Errors.TOPIC_AUTHORIZATION_FAILED,
        Errors.CLUSTER_AUTHORIZATION_FAILED);
    /** Of records: before a broker writes. */
    static final Set<Errors> REFUSED_RECORDS = Set.of(
        Errors.MESSAGE_TOO_LARGE, Errors.INVALID_TOPIC_EXCEPTION, Errors.TOPIC_AUTHORIZATION_FAILED);

    public static void main(String[] args) throws Exception {
        // Whatever a library prints must not stand between answers.
        System.setOut(System.err);
        ObjectNode hello = JSON.createObjectNode();
        hello.putObject("hello").put("name", "Apache Kafka's Java client " + AppInfoParser.getVersion()).putArray("lacks");
        say(hello);
        Map<Integer, Client> clients = new HashMap<>();
        BufferedReader in = new BufferedReader(new InputStreamReader(System.in, StandardCharsets.UTF_8));
        for (String text = in.readLine(); text != null; text = in.readLine()) {
            JsonNode line = JSON.readTree(text);
            int number = line.get("client").intValue();
            String call = line.get("call").textValue();
            if (call.equals("open")) clients.put(number, new Client(line.get("settings")));
            Client client = clients.get(number);
            if (client == null) {
                answer(line, new Failed("CLOSED", "fail", "client " + number + " is closed"));
                continue;
            }
            if (call.equals("crash") || call.equals("close")) clients.remove(number);
            if (call.equals("crash")) {
                client.crash();
                answer(line, JSON.nullNode());
            } else {
                client.calls.add(line);
            }
        }
        System.exit(0);
    }

    static synchronized void say(JsonNode line) {
        OUT.println(line);
        OUT.flush();
    }

    static void answer(JsonNode line, JsonNode result) {
        ObjectNode answer = JSON.createObjectNode().put("id", line.get("id").intValue());
        answer.set("result", result);
        say(answer);
    }

    static void answer(JsonNode line, Failed failed) {
        ObjectNode answer = JSON.createObjectNode().put("id", line.get("id").intValue());
        answer.set("error", failed.told());
        say(answer);
    }

    static class Failed extends Exception {
        final String code;
        final String outcome;

        Failed(String code, String outcome, String message) {
            super(message);
            this.code = code;
            this.outcome = outcome;
        }

        static Failed of(Throwable error, Set<Errors> refused) {
            Throwable cause = error instanceof ExecutionException ? error.getCause() : error;
            Errors known = Errors.forException(cause);
            String code = known == Errors.UNKNOWN_SERVER_ERROR ? cause.getClass().getSimpleName() : known.name();
            boolean hasFailed = refused == null || refused.contains(known);
            return new Failed(code, hasFailed ? "fail" : "info", String.valueOf(cause.getMessage()));
        }

        ObjectNode told() {
            return JSON.createObjectNode().put("code", code).put("outcome", outcome).put("message", getMessage());
        }
    }

    static class Client implements Runnable {
        final BlockingQueue<JsonNode> calls = new LinkedBlockingQueue<>();
        final JsonNode settings;
        final Thread thread = new Thread(this);
        volatile boolean hasCrashed = false;
        KafkaProducer<String, String> producer;
        volatile KafkaConsumer<String, String> consumer;
        Admin asking;
        Admin changing;
        boolean isMember = false;
        ArrayNode rebalances = JSON.createArrayNode();
        /** Of a member: behind what it has polled. */
        final Map<TopicPartition, OffsetAndMetadata> polled = new HashMap<>();

        Client(JsonNode settings) {
            this.settings = settings;
            thread.setDaemon(true);
            thread.start();
        }

        void crash() {
            hasCrashed = true;
            KafkaConsumer<String, String> reading = consumer;
            if (reading != null) reading.wakeup();
            thread.interrupt();
        }

        @Override
        public void run() {
            boolean isOpen = true;
            while (isOpen && !hasCrashed) {
                try {
                    JsonNode line = calls.take();
                    isOpen = !line.get("call").textValue().equals("close");
                    try {
                        JsonNode result = call(line);
                        if (!hasCrashed) answer(line, result == null ? JSON.nullNode() : result);
                    } catch (Failed failed) {
                        if (!hasCrashed) answer(line, failed);
                    } catch (Exception error) {
                        if (!hasCrashed) answer(line, Failed.of(error, Set.of()));
                    }
                } catch (InterruptedException error) {
                    // It has crashed.
                }
            }
            Thread.interrupted();
            if (hasCrashed) closeAll(Duration.ZERO, CloseOptions.GroupMembershipOperation.REMAIN_IN_GROUP);
        }

        void closeAll(Duration limit, CloseOptions.GroupMembershipOperation goodbye) {
            try {
                if (producer != null) producer.close(limit);
            } catch (RuntimeException error) {
                System.err.println(error);
            }
            try {
                if (consumer != null) {
                    consumer.close(CloseOptions.timeout(limit).withGroupMembershipOperation(goodbye));
                }
            } catch (RuntimeException error) {
                System.err.println(error);
            }
            if (asking != null) asking.close(limit);
            if (changing != null) changing.close(limit);
        }

        JsonNode call(JsonNode line) throws Exception {
            switch (line.get("call").textValue()) {
                case "open":
                    return null;
                case "send":
                    return send(line.get("records"));
                case "assign":
                    return reading(() -> assign(places(line.get("places")), line.get("from").textValue().equals("kept")));
                case "subscribe":
                    return reading(() -> subscribe(line.get("topics")));
                case "poll":
                    return reading(() -> poll(line.get("limitMs").longValue()));
                case "seek":
                    return reading(() -> seek(line.get("places")));
                case "commit":
                    return commit();
                case "committed":
                    return reading(() -> committed(places(line.get("places"))));
                case "listOffset":
                    return reading(() -> listOffset(place(line.get("place")), line.get("of").textValue()));
                case "createTopic":
                    return create(line);
                case "deleteTopic":
                    done(changing().deleteTopics(List.of(line.get("topic").textValue())).all());
                    return null;
                case "describeTopic":
                    return reading(() -> describe(line.get("topic").textValue()));
                case "setTopicConfig":
                    return setConfig(line);
                case "getTopicConfig":
                    return reading(() -> getConfig(line.get("topic").textValue(), line.get("name").textValue()));
                case "close":
                    closeAll(Duration.ofSeconds(2), CloseOptions.GroupMembershipOperation.LEAVE_GROUP);
                    return null;
                default:
                    throw new Failed("UNKNOWN_CALL", "fail", line.get("call").textValue());
            }
        }

        interface Call {
            JsonNode run() throws Exception;
        }

        /** What changes nothing has certainly not happened if it fails. */
        JsonNode reading(Call call) throws Exception {
            try {
                return call.run();
            } catch (Failed failed) {
                throw failed;
            } catch (Exception error) {
                throw Failed.of(error, null);
            }
        }

        /** Of a change. */
        <T> T done(KafkaFuture<T> future) throws Exception {
            try {
                return future.get();
            } catch (ExecutionException error) {
                throw Failed.of(error, REFUSED);
            }
        }

        JsonNode send(JsonNode records) throws Exception {
            if (producer == null) producer = new KafkaProducer<>(producerSettings());
            List<Future<RecordMetadata>> sent = new ArrayList<>();
            for (JsonNode each : records) {
                TopicPartition place = place(each);
                String payload = each.get("payload").textValue();
                sent.add(producer.send(new ProducerRecord<>(place.topic(), place.partition(), null, payload)));
            }
            producer.flush();
            ArrayNode results = JSON.createArrayNode();
            for (Future<RecordMetadata> future : sent) {
                ObjectNode result = results.addObject();
                try {
                    RecordMetadata told = future.get();
                    if (told.hasOffset()) result.put("offset", told.offset());
                    else result.putNull("offset");
                } catch (ExecutionException error) {
                    result.set("error", ofRecord(error.getCause()).told());
                }
            }
            return results;
        }

        /** What never came as far as a batch was not handed to anybody. */
        static Failed ofRecord(Throwable cause) {
            String message = String.valueOf(cause.getMessage());
            boolean isWithoutTopic = message.contains("not present in metadata after");
            if (isWithoutTopic || cause instanceof BufferExhaustedException) return Failed.of(cause, null);
            return Failed.of(cause, REFUSED_RECORDS);
        }

        JsonNode assign(Set<TopicPartition> places, boolean keeps) {
            KafkaConsumer<String, String> reading = consumer();
            Set<TopicPartition> kept = keeps && !isMember ? reading.assignment() : Set.of();
            List<TopicPartition> fresh = places.stream().filter(place -> !kept.contains(place)).collect(Collectors.toList());
            if (isMember) reading.unsubscribe();
            isMember = false;
            polled.clear();
            rebalances = JSON.createArrayNode();
            reading.assign(places);
            // Of an empty list it would seek in all.
            if (!fresh.isEmpty()) reading.seekToBeginning(fresh);
            return null;
        }

        JsonNode subscribe(JsonNode topics) {
            List<String> names = new ArrayList<>();
            for (JsonNode each : topics) names.add(each.textValue());
            if (!isMember) consumer().unsubscribe();
            isMember = true;
            consumer().subscribe(names, new ConsumerRebalanceListener() {
                @Override
                public void onPartitionsAssigned(Collection<TopicPartition> places) {
                    rebalanced("assigned", places);
                }

                @Override
                public void onPartitionsRevoked(Collection<TopicPartition> places) {
                    rebalanced("revoked", places);
                }

                @Override
                public void onPartitionsLost(Collection<TopicPartition> places) {
                    rebalanced("lost", places);
                }
            });
            return null;
        }

        void rebalanced(String type, Collection<TopicPartition> places) {
            if (places.isEmpty()) return;
            ArrayNode told = rebalances.addObject().put("type", type).putArray("places");
            for (TopicPartition place : places) {
                told.addObject().put("topic", place.topic()).put("partition", place.partition());
                polled.remove(place);
            }
        }

        JsonNode poll(long limitMs) {
            ObjectNode result = JSON.createObjectNode();
            ArrayNode records = result.putArray("records");
            for (ConsumerRecord<String, String> each : consumer().poll(Duration.ofMillis(limitMs))) {
                String payload = each.value() == null ? "" : each.value();
                records.addObject().put("topic", each.topic()).put("partition", each.partition())
                    .put("offset", each.offset()).put("payload", payload);
                TopicPartition place = new TopicPartition(each.topic(), each.partition());
                if (isMember) polled.put(place, new OffsetAndMetadata(each.offset() + 1));
            }
            result.set("rebalances", rebalances);
            rebalances = JSON.createArrayNode();
            if (isMember) result.put("generation", consumer().groupMetadata().generationId());
            return result;
        }

        JsonNode seek(JsonNode places) {
            Set<TopicPartition> has = consumer().assignment();
            for (JsonNode each : places) {
                TopicPartition place = place(each);
                if (!has.contains(place)) continue;
                long offset = each.get("offset").longValue();
                consumer().seek(place, offset);
                if (isMember) polled.put(place, new OffsetAndMetadata(offset));
            }
            return null;
        }

        JsonNode commit() throws Failed {
            if (!isMember) throw new Failed("UNKNOWN_MEMBER_ID", "fail", "nothing is subscribed");
            Map<TopicPartition, OffsetAndMetadata> offsets = Map.copyOf(polled);
            int generation = consumer().groupMetadata().generationId();
            try {
                consumer().commitSync(offsets);
            } catch (KafkaException error) {
                // The client tries again by itself: whoever refuses it in the end says nothing of an attempt before, whose answer was lost.
                throw Failed.of(error, Set.of());
            }
            ObjectNode result = told(offsets);
            return result.put("generation", generation);
        }

        JsonNode committed(Set<TopicPartition> places) throws Exception {
            String group = settings.get("group").get("id").textValue();
            ListConsumerGroupOffsetsSpec spec = new ListConsumerGroupOffsetsSpec().topicPartitions(places);
            return told(asking().listConsumerGroupOffsets(Map.of(group, spec)).partitionsToOffsetAndMetadata(group).get());
        }

        static ObjectNode told(Map<TopicPartition, OffsetAndMetadata> offsets) {
            ObjectNode result = JSON.createObjectNode();
            ArrayNode list = result.putArray("offsets");
            offsets.forEach((place, at) -> {
                if (at == null) return;
                list.addObject().put("topic", place.topic()).put("partition", place.partition()).put("offset", at.offset());
            });
            return result;
        }

        JsonNode listOffset(TopicPartition place, String of) throws Exception {
            OffsetSpec spec = of.equals("earliest") ? OffsetSpec.earliest() : OffsetSpec.latest();
            boolean isCommitted = of.equals("latest committed");
            ListOffsetsOptions options = new ListOffsetsOptions(
                isCommitted ? IsolationLevel.READ_COMMITTED : IsolationLevel.READ_UNCOMMITTED);
            return JSON.getNodeFactory().numberNode(
                asking().listOffsets(Map.of(place, spec), options).partitionResult(place).get().offset());
        }

        JsonNode create(JsonNode line) throws Exception {
            String name = line.get("topic").textValue();
            Map<String, String> configs = new HashMap<>();
            line.get("settings").fields().forEachRemaining(each -> configs.put(each.getKey(), each.getValue().textValue()));
            NewTopic topic = new NewTopic(name, Optional.of(line.get("partitions").intValue()), Optional.empty());
            return JSON.getNodeFactory().textNode(
                done(changing().createTopics(List.of(topic.configs(configs))).topicId(name)).toString());
        }

        JsonNode describe(String topic) throws Exception {
            try {
                return JSON.getNodeFactory().textNode(
                    asking().describeTopics(List.of(topic)).topicNameValues().get(topic).get().topicId().toString());
            } catch (ExecutionException error) {
                if (error.getCause() instanceof UnknownTopicOrPartitionException) return null;
                throw error;
            }
        }

        JsonNode setConfig(JsonNode line) throws Exception {
            ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, line.get("topic").textValue());
            ConfigEntry entry = new ConfigEntry(line.get("name").textValue(), line.get("value").textValue());
            AlterConfigOp change = new AlterConfigOp(entry, AlterConfigOp.OpType.SET);
            done(changing().incrementalAlterConfigs(Map.of(topic, List.of(change))).all());
            return null;
        }

        JsonNode getConfig(String name, String key) throws Exception {
            ConfigResource topic = new ConfigResource(ConfigResource.Type.TOPIC, name);
            ConfigEntry entry = asking().describeConfigs(List.of(topic)).values().get(topic).get().get(key);
            boolean isSet = entry != null && entry.source() == ConfigEntry.ConfigSource.DYNAMIC_TOPIC_CONFIG;
            return isSet ? JSON.getNodeFactory().textNode(entry.value()) : null;
        }

        KafkaConsumer<String, String> consumer() {
            if (consumer == null) consumer = new KafkaConsumer<>(consumerSettings());
            // It may have crashed while this was made.
            if (hasCrashed) throw new WakeupException();
            return consumer;
        }

        Admin asking() {
            if (asking == null) asking = Admin.create(common());
            return asking;
        }

        /** What may pass is not tried again: a second try would not know its own first one. */
        Admin changing() {
            Properties properties = common();
            properties.put("retries", "0");
            if (changing == null) changing = Admin.create(properties);
            return changing;
        }

        Properties common() {
            Properties properties = new Properties();
            properties.put("bootstrap.servers", settings.get("bootstrap").textValue());
            properties.put("client.id", settings.get("clientId").textValue());
            properties.put("request.timeout.ms", settings.get("requestTimeoutMs").asText());
            properties.put("default.api.timeout.ms", settings.get("apiTimeoutMs").asText());
            properties.put("metadata.max.age.ms", "60000");
            properties.put("enable.metrics.push", "false");
            return properties;
        }

        Properties producerSettings() {
            Properties properties = common();
            properties.remove("default.api.timeout.ms");
            properties.put("key.serializer", StringSerializer.class.getName());
            properties.put("value.serializer", StringSerializer.class.getName());
            properties.put("acks", settings.get("acks").asText());
            properties.put("enable.idempotence", settings.get("idempotent").asText());
            properties.put("delivery.timeout.ms", settings.get("apiTimeoutMs").asText());
            properties.put("max.block.ms", settings.get("apiTimeoutMs").asText());
            properties.put("linger.ms", "0");
            // Without sequence numbers a second request could overtake the first.
            properties.put("max.in.flight.requests.per.connection", settings.get("idempotent").booleanValue() ? "5" : "1");
            return properties;
        }

        Properties consumerSettings() {
            Properties properties = common();
            properties.put("key.deserializer", StringDeserializer.class.getName());
            properties.put("value.deserializer", StringDeserializer.class.getName());
            properties.put("enable.auto.commit", "false");
            properties.put("auto.offset.reset", "earliest");
            properties.put("allow.auto.create.topics", "false");
            properties.put("isolation.level", settings.get("isolation").textValue());
            JsonNode group = settings.get("group");
            if (group == null) return properties;
            properties.put("group.id", group.get("id").textValue());
            properties.put("group.protocol", group.get("protocol").textValue());
            if (group.has("instanceId")) properties.put("group.instance.id", group.get("instanceId").textValue());
            if (group.get("protocol").textValue().equals("classic")) {
                properties.put("session.timeout.ms", group.get("sessionTimeoutMs").asText());
                properties.put("heartbeat.interval.ms", group.get("heartbeatMs").asText());
            }
            return properties;
        }

        static TopicPartition place(JsonNode node) {
            return new TopicPartition(node.get("topic").textValue(), node.get("partition").intValue());
        }

        static Set<TopicPartition> places(JsonNode nodes) {
            Set<TopicPartition> places = new LinkedHashSet<>();
            for (JsonNode each : nodes) places.add(place(each));
            return places;
        }
    }
}

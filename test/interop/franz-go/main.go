// write | read | group with franz-go; see round-trips.ts and group-round-trips.ts for the arguments.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"
)

const limit = 60 * time.Second

// One line of the suite's files: encoding/json reads and writes []byte as base64, nil as null.
type record struct {
	Partition int32    `json:"partition"`
	Offset    int64    `json:"offset"`
	Timestamp int64    `json:"timestamp"`
	Key       []byte   `json:"key"`
	Value     []byte   `json:"value"`
	Headers   []header `json:"headers"`
	Member    *int     `json:"member,omitempty"`
}

type header struct {
	name  string
	value []byte
}

func (h header) MarshalJSON() ([]byte, error) { return json.Marshal([]any{h.name, h.value}) }

func (h *header) UnmarshalJSON(text []byte) error {
	return json.Unmarshal(text, &[]any{&h.name, &h.value})
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func client(options ...kgo.Opt) *kgo.Client {
	made, err := kgo.NewClient(append(options, kgo.SeedBrokers(strings.Split(os.Args[2], ",")...))...)
	check(err)
	return made
}

func create(ctx context.Context, topic string, partitions int) {
	admin := kadm.NewClient(client())
	defer admin.Close()
	_, err := admin.CreateTopic(ctx, int32(partitions), -1, nil, topic)
	check(err)
	// A leader that has not yet heard of the topic refuses what is sent to it; without acknowledgements that is lost.
	for {
		ends, err := admin.ListEndOffsets(ctx, topic)
		if err == nil && ends.Error() == nil && len(ends[topic]) == partitions {
			return
		}
		check(ctx.Err())
		time.Sleep(100 * time.Millisecond)
	}
}

func write(ctx context.Context, topic, path string, partitions int, codec, acks, mode string) {
	create(ctx, topic, partitions)
	codecs := map[string]kgo.CompressionCodec{
		"none": kgo.NoCompression(), "gzip": kgo.GzipCompression(), "snappy": kgo.SnappyCompression(),
		"lz4": kgo.Lz4Compression(), "zstd": kgo.ZstdCompression(),
	}
	levels := map[string]kgo.Acks{"0": kgo.NoAck(), "1": kgo.LeaderAck(), "all": kgo.AllISRAcks()}
	options := []kgo.Opt{
		kgo.ProducerBatchCompression(codecs[codec]),
		kgo.RequiredAcks(levels[acks]),
		kgo.RecordPartitioner(kgo.ManualPartitioner()),
	}
	if mode != "idempotent" {
		options = append(options, kgo.DisableIdempotentWrite(), kgo.MaxProduceRequestsInflightPerBroker(1))
	}
	producer := client(options...)
	defer producer.Close()

	file, err := os.Open(path)
	check(err)
	defer file.Close()
	lines := bufio.NewScanner(file)
	lines.Buffer(nil, 16<<20)
	for lines.Scan() {
		var line record
		check(json.Unmarshal(lines.Bytes(), &line))
		made := &kgo.Record{
			Topic: topic, Partition: line.Partition, Key: line.Key, Value: line.Value,
			Timestamp: time.UnixMilli(line.Timestamp),
		}
		for _, h := range line.Headers {
			made.Headers = append(made.Headers, kgo.RecordHeader{Key: h.name, Value: h.value})
		}
		producer.Produce(ctx, made, func(_ *kgo.Record, err error) { check(err) })
	}
	check(lines.Err())
	check(producer.Flush(ctx))
}

func lineOf(r *kgo.Record) record {
	line := record{r.Partition, r.Offset, r.Timestamp.UnixMilli(), r.Key, r.Value, []header{}, nil}
	for _, h := range r.Headers {
		line.Headers = append(line.Headers, header{h.Key, h.Value})
	}
	return line
}

func read(ctx context.Context, topic, path string, count int) {
	admin := kadm.NewClient(client())
	defer admin.Close()
	described, err := admin.ListTopics(ctx, topic)
	check(err)
	from := map[int32]kgo.Offset{}
	for partition := range described[topic].Partitions {
		from[partition] = kgo.NewOffset().AtStart()
	}
	consumer := client(kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	defer consumer.Close()

	file, err := os.Create(path)
	check(err)
	lines := json.NewEncoder(file)
	for found, end := 0, int64(count); int64(found) < end; {
		fetches := consumer.PollFetches(ctx)
		for _, failed := range fetches.Errors() {
			check(failed.Err)
		}
		fetches.EachRecord(func(r *kgo.Record) {
			check(lines.Encode(lineOf(r)))
			found++
		})
		// What is there beyond the records that were sent is read too, and then stands out.
		if found >= count {
			ends, err := admin.ListEndOffsets(ctx, topic)
			check(err)
			check(ends.Error())
			end = 0
			ends.Each(func(o kadm.ListedOffset) { end += o.Offset })
		}
	}
	check(file.Close())
}

const members = 2

func group(ctx context.Context, topic, path string, count int, name, protocol string) {
	options := []kgo.Opt{
		kgo.ConsumerGroup(name), kgo.ConsumeTopics(topic), kgo.DisableAutoCommit(),
		kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()),
	}
	if protocol == "consumer" {
		options = append(options, kgo.ServerSideBalancer())
	}
	type place struct {
		partition int32
		offset    int64
	}
	var clients [members]*kgo.Client
	var found [members][]*kgo.Record
	for member := range clients {
		clients[member] = client(options...)
	}
	different := map[place]bool{}
	each := func() bool { return len(found[0]) > 0 && len(found[1]) > 0 }
	for len(different) < count || !each() {
		// Who is alone at first leaves some to the other.
		size := 1
		if each() {
			size = 50
		}
		for member, from := range clients {
			short, cancel := context.WithTimeout(ctx, 100*time.Millisecond)
			fetches := from.PollRecords(short, size)
			cancel()
			for _, failed := range fetches.Errors() {
				if failed.Err != context.DeadlineExceeded {
					check(failed.Err)
				}
			}
			check(ctx.Err())
			fetches.EachRecord(func(r *kgo.Record) {
				found[member] = append(found[member], r)
				different[place{r.Partition, r.Offset}] = true
			})
			if size == 1 {
				time.Sleep(50 * time.Millisecond)
			}
		}
	}
	for _, from := range clients {
		check(from.CommitUncommittedOffsets(ctx))
	}
	for _, from := range clients {
		from.Close()
	}
	file, err := os.Create(path)
	check(err)
	lines := json.NewEncoder(file)
	for member, records := range found {
		for _, r := range records {
			line := lineOf(r)
			line.Member = &member
			check(lines.Encode(line))
		}
	}
	check(file.Close())
}

func main() {
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	args := os.Args[1:]
	switch args[0] {
	case "write":
		write(ctx, args[2], args[3], number(args[4]), args[5], args[6], args[7])
	case "read":
		read(ctx, args[2], args[3], number(args[4]))
	case "group":
		group(ctx, args[2], args[3], number(args[4]), args[5], args[6])
	default:
		check(fmt.Errorf("there is no task %s", args[0]))
	}
}

// Load on etcd, lean enough not to be what is measured: plain gRPC stubs without the client's retries, several connections.
//
// It is spoken to as the benchmark's own load processes are: a job as a line of JSON on standard input, messages as
// lines of JSON on standard output. It ends with its standard input. Arguments: the client addresses of the members.
//
// Built with Debian's golang-go and golang-etcd-server-dev:
//
//	GO111MODULE=off GOPATH=/usr/share/gocode go build -o etcd-load main.go
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"math/bits"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	pb "go.etcd.io/etcd/etcdserver/etcdserverpb"
	"google.golang.org/grpc"
)

type job struct {
	Operation   string  `json:"operation"`
	Concurrency int     `json:"concurrency"`
	Connections int     `json:"connections"`
	PerSecond   float64 `json:"perSecond"`
	ValueBytes  int     `json:"valueBytes"`
	WarmUpMs    float64 `json:"warmUpMs"`
	MeasureMs   float64 `json:"measureMs"`
}

type result struct {
	Count     int        `json:"count"`
	ElapsedMs float64    `json:"elapsedMs"`
	Latency   [][2]int64 `json:"latency"`
	Failed    int64      `json:"failed"`
	Failure   string     `json:"failure,omitempty"`
}

const keyCount = 10000
const maxOutstanding = 4096

// subBits and bucketOf are those of load/histogram.ts.
const subBits = 7

func bucketOf(micros int64) int64 {
	if micros < 1<<subBits {
		return micros
	}
	shift := int64(bits.Len64(uint64(micros))) - 1 - subBits
	return (shift+1)<<subBits + micros>>shift - 1<<subBits
}

type histogram map[int64]int64

func (h histogram) record(latency time.Duration) { h[bucketOf(latency.Microseconds())]++ }

var out sync.Mutex

func tell(message interface{}) {
	line, err := json.Marshal(message)
	if err != nil {
		panic(err)
	}
	out.Lock()
	defer out.Unlock()
	fmt.Println(string(line))
}

func moment(name string) { tell(map[string]string{"type": name}) }

func dial(address string) (*grpc.ClientConn, error) {
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	return grpc.DialContext(ctx, address, grpc.WithInsecure(), grpc.WithBlock())
}

// leader waits for one of the members to lead and gives its address.
func leader(addresses []string) (string, error) {
	for end := time.Now().Add(30 * time.Second); time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		for _, address := range addresses {
			conn, err := dial(address)
			if err != nil {
				continue
			}
			status, err := pb.NewMaintenanceClient(conn).Status(context.Background(), &pb.StatusRequest{})
			conn.Close()
			if err == nil && status.Leader != 0 && status.Leader == status.Header.MemberId {
				return address, nil
			}
		}
	}
	return "", fmt.Errorf("no member of etcd leads")
}

type load struct {
	addresses []string
	conns     []*grpc.ClientConn
	clients   []pb.KVClient
}

func (l *load) prepare(connections int) error {
	address, err := leader(l.addresses)
	if err != nil {
		return err
	}
	if len(l.conns) == connections && l.conns[0].Target() == address {
		return nil
	}
	for _, conn := range l.conns {
		conn.Close()
	}
	l.conns, l.clients = nil, nil
	for len(l.conns) < connections {
		conn, err := dial(address)
		if err != nil {
			return err
		}
		l.conns = append(l.conns, conn)
		l.clients = append(l.clients, pb.NewKVClient(conn))
	}
	return nil
}

type run struct {
	job
	load     *load
	keys     [][]byte
	value    []byte
	nextKey  int64
	phase    int32 // 0 warm-up, 1 measured, 2 over
	mu       sync.Mutex
	latency  histogram
	answered int64
	failed   int64
	failure  string
}

func (r *run) operate(worker int) bool {
	client := r.load.clients[worker%len(r.load.clients)]
	key := r.keys[atomic.AddInt64(&r.nextKey, 1)%keyCount]
	var err error
	if r.Operation == "get" {
		_, err = client.Range(context.Background(), &pb.RangeRequest{Key: key})
	} else {
		_, err = client.Put(context.Background(), &pb.PutRequest{Key: key, Value: r.value})
	}
	if err != nil {
		r.mu.Lock()
		r.failed++
		if r.failure == "" {
			r.failure = err.Error()
		}
		r.mu.Unlock()
		time.Sleep(time.Millisecond)
	}
	return err == nil
}

func (r *run) merge(own histogram) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for bucket, count := range own {
		r.latency[bucket] += count
	}
}

// closed: each worker sends its next operation when its last is answered; what is answered in the measured time counts.
func (r *run) closed(workers *sync.WaitGroup) {
	for worker := 0; worker < r.Concurrency; worker++ {
		workers.Add(1)
		go func(worker int) {
			defer workers.Done()
			own := histogram{}
			for atomic.LoadInt32(&r.phase) < 2 {
				sent := time.Now()
				ok := r.operate(worker)
				if ok && atomic.LoadInt32(&r.phase) == 1 {
					own.record(time.Since(sent))
					atomic.AddInt64(&r.answered, 1)
				}
			}
			r.merge(own)
		}(worker)
	}
}

// open: operations at fixed times, sent in ticks of a millisecond, and their latency from the time they were meant for.
func (r *run) open(workers *sync.WaitGroup) {
	type intent struct {
		at    time.Time
		count bool
	}
	intents := make(chan intent, int(r.PerSecond*(r.WarmUpMs+r.MeasureMs)/1000)+1)
	for worker := 0; worker < maxOutstanding; worker++ {
		workers.Add(1)
		go func(worker int) {
			defer workers.Done()
			own := histogram{}
			for intent := range intents {
				ok := r.operate(worker)
				if ok && intent.count {
					own.record(time.Since(intent.at))
				}
				if ok && atomic.LoadInt32(&r.phase) == 1 {
					atomic.AddInt64(&r.answered, 1)
				}
			}
			r.merge(own)
		}(worker)
	}
	go func() {
		defer close(intents)
		gap := time.Duration(float64(time.Second) / r.PerSecond)
		next := time.Now()
		for atomic.LoadInt32(&r.phase) < 2 {
			for now := time.Now(); !next.After(now) && atomic.LoadInt32(&r.phase) < 2; next = next.Add(gap) {
				intents <- intent{next, atomic.LoadInt32(&r.phase) == 1}
			}
			time.Sleep(time.Millisecond)
		}
	}()
}

func (l *load) run(j job) (result, error) {
	if err := l.prepare(j.Connections); err != nil {
		return result{}, err
	}
	r := &run{job: j, load: l, value: []byte(strings.Repeat("v", j.ValueBytes)), latency: histogram{}}
	for n := 0; n < keyCount; n++ {
		r.keys = append(r.keys, []byte(fmt.Sprintf("key-%06d", n)))
	}
	var workers sync.WaitGroup
	if j.PerSecond > 0 {
		r.open(&workers)
	} else {
		r.closed(&workers)
	}
	time.Sleep(time.Duration(j.WarmUpMs * float64(time.Millisecond)))
	began := time.Now()
	atomic.StoreInt32(&r.phase, 1)
	moment("begin")
	time.Sleep(time.Duration(j.MeasureMs * float64(time.Millisecond)))
	atomic.StoreInt32(&r.phase, 2)
	elapsed := time.Since(began)
	count := atomic.LoadInt64(&r.answered)
	moment("end")
	workers.Wait()
	answer := result{Count: int(count), ElapsedMs: float64(elapsed) / 1e6, Failed: r.failed, Failure: r.failure, Latency: [][2]int64{}}
	for bucket := int64(0); bucket < math.MaxInt16; bucket++ {
		if r.latency[bucket] > 0 {
			answer.Latency = append(answer.Latency, [2]int64{bucket, r.latency[bucket]})
		}
	}
	return answer, nil
}

func main() {
	l := &load{addresses: os.Args[1:]}
	if _, err := leader(l.addresses); err != nil {
		tell(map[string]string{"type": "error", "message": err.Error()})
		os.Exit(1)
	}
	moment("ready")
	jobs := bufio.NewScanner(os.Stdin)
	for jobs.Scan() {
		var j job
		err := json.Unmarshal(jobs.Bytes(), &j)
		var answer result
		if err == nil {
			answer, err = l.run(j)
		}
		if err != nil {
			tell(map[string]string{"type": "error", "message": err.Error()})
		} else {
			tell(map[string]interface{}{"type": "result", "result": answer})
		}
	}
}

// A record for each body, and an answer when Kafka has it.
package main

import (
	"context"
	"io"
	"log"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/twmb/franz-go/pkg/kgo"
)

const bodyBytesMax = 1 << 20

func main() {
	address, broker, topic := os.Args[1], os.Args[2], os.Args[3]
	// Its makers' presets: idempotent, acknowledged by all replicas, snappy, batches of up to 1 MB that linger for 10 ms (defaultCfg in
	// kgo's config.go, v1.22). A request waits for its record, so no more records are held than there are connections.
	client, err := kgo.NewClient(kgo.SeedBrokers(broker), kgo.DefaultProduceTopic(topic), kgo.MaxBufferedRecords(100_000))
	if err != nil {
		log.Fatal(err)
	}
	http.HandleFunc("POST /track/click", func(answer http.ResponseWriter, request *http.Request) {
		if request.ContentLength < 0 || request.ContentLength > bodyBytesMax {
			answer.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
		body := make([]byte, request.ContentLength)
		if _, err := io.ReadFull(request.Body, body); err != nil {
			answer.WriteHeader(http.StatusBadRequest)
			return
		}
		if err := client.ProduceSync(context.Background(), &kgo.Record{Value: body}).FirstErr(); err != nil {
			log.Print(err)
			answer.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		answer.WriteHeader(http.StatusNoContent)
	})
	server := &http.Server{Addr: address}
	ended := make(chan struct{})
	go func() {
		asked := make(chan os.Signal, 1)
		signal.Notify(asked, syscall.SIGTERM)
		<-asked
		_ = server.Close()
		client.Close()
		close(ended)
	}()
	if err := server.ListenAndServe(); err != http.ErrServerClosed {
		log.Fatal(err)
	}
	<-ended
}

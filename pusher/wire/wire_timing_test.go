package wire_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/wire"
)

func BenchmarkParseFrame(b *testing.B) {
	for _, c := range []struct{ name, msg string }{
		{"ping", `{"event":"pusher:ping","data":{}}`},
		{"subscribe", `{"event":"pusher:subscribe","data":{"auth":"","channel":"my-channel"}}`},
		{"auth", `{"event":"pusher:subscribe","data":{"auth":"278d425bdf160c739803:58df8b0c36d6982b82c3ecf6b4662e34fe8c25bba48f5369f135bf843651c3a4","channel":"private-foobar"}}`},
		{"clientEvent", `{"event":"client-typing","channel":"private-a","data":{"text":"hello world","user":{"id":12345,"name":"Mr. Channels"},"list":[1,2,3,4,5,6,7,8]}}`},
		{"clientEventEscapes", `{"event":"client-typing","channel":"private-a","data":"{\"text\":\"hello world\",\"user\":{\"id\":12345,\"name\":\"Mr. Channels\"},\"list\":[1,2,3,4,5,6,7,8]}"}`},
		{"clientEvent10kB", `{"event":"client-typing","channel":"private-a","data":"` + strings.Repeat("x", 10000) + `"}`},
	} {
		b.Run(c.name, func(b *testing.B) {
			msg := []byte(c.msg)
			b.ReportAllocs()
			b.SetBytes(int64(len(msg)))
			for b.Loop() {
				if _, err := wire.ParseFrame(msg, maxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkParseTrigger(b *testing.B) {
	for _, n := range []int{10, 1000, 10000} {
		b.Run(fmt.Sprint("data=", n), func(b *testing.B) {
			body := []byte(`{"name":"my-event","channels":["ch-1","ch-2"],"data":"{\"a\":\"` + strings.Repeat("x", n) + `\"}"}`)
			b.ReportAllocs()
			b.SetBytes(int64(len(body)))
			for b.Loop() {
				if _, err := wire.ParseTrigger(body, maxDepth); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func BenchmarkAppend(b *testing.B) {
	room := make([]byte, 0, 16<<10)
	b.Run("event", func(b *testing.B) {
		token := []byte(`"{\"a\":1}"`)
		b.ReportAllocs()
		for b.Loop() {
			wire.AppendEvent(room, "my-event", "my-channel", token)
		}
	})
	b.Run("clientEvent", func(b *testing.B) {
		data := []byte(`{"text":"hello world","user":{"id":12345}}`)
		b.ReportAllocs()
		for b.Loop() {
			wire.AppendClientEvent(room, "client-x", "presence-a", data, false, "u1")
		}
	})
	b.Run("roster100", func(b *testing.B) {
		var people []person
		for i := range 100 {
			people = append(people, person{fmt.Sprint("user-", i), []byte(`{"name":"Mr. Channels"}`)})
		}
		b.ReportAllocs()
		for b.Loop() {
			wire.AppendPresenceSucceeded(room, "presence-a", 100, roster(people...))
		}
	})
}

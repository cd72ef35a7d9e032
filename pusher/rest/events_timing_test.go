package rest_test

import (
	"context"
	"fmt"
	"iter"
	"strings"
	"testing"
	"time"

	"github.com/valyala/fasthttp"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/rest"
)

// silentNode takes everything and costs nothing.
type silentNode struct{ rest.Node }

func (silentNode) Admit(*app.App, iter.Seq[string]) error { return nil }

func (silentNode) Submit(*app.App, *rest.Event) func() error { return nil }

func publishRequest(tb testing.TB, channels, size int) (*rest.Server, *fasthttp.RequestCtx) {
	apps, err := appstatic.New([]*app.App{newApp()})
	if err != nil {
		tb.Fatal(err)
	}
	s := rest.New(rest.Config{Node: silentNode{}, Apps: apps, Now: func() time.Time { return time.Unix(moment, 0) }})
	tb.Cleanup(func() { s.Shutdown(context.Background()) })
	names := make([]string, channels)
	for i := range names {
		names[i] = fmt.Sprintf(`"private-room-%d"`, i)
	}
	body := `{"name":"message-created","channels":[` + strings.Join(names, ",") + `],"data":"` + strings.Repeat("x", size) + `"}`
	ctx := &fasthttp.RequestCtx{}
	ctx.Request.Header.SetMethod("POST")
	ctx.Request.Header.SetRequestURI(sign("POST", "/apps/3/events", body))
	ctx.Request.SetBodyString(body)
	return s, ctx
}

func BenchmarkPublish(b *testing.B) {
	for _, channels := range []int{1, 10, 100} {
		for _, size := range []int{300, 10000} {
			b.Run(fmt.Sprintf("channels=%d/bytes=%d", channels, size), func(b *testing.B) {
				s, ctx := publishRequest(b, channels, size)
				b.SetBytes(int64(len(ctx.Request.Body())))
				b.ReportAllocs()
				for b.Loop() {
					ctx.Response.Reset()
					s.Handle(ctx)
				}
				if ctx.Response.StatusCode() != 200 {
					b.Fatalf("%d %s", ctx.Response.StatusCode(), ctx.Response.Body())
				}
			})
		}
	}
}

func TestPublishCostsFewAllocations(t *testing.T) {
	s, ctx := publishRequest(t, 1, 300)
	// Path, query, name, channel and the list of it, and one of the signature's; the rest is room for a pool that
	// is emptied between two runs.
	const most = 8
	if n := testing.AllocsPerRun(1000, func() {
		ctx.Response.Reset()
		s.Handle(ctx)
	}); n > most {
		t.Errorf("%v allocations, want at most %d", n, most)
	}
	if ctx.Response.StatusCode() != 200 {
		t.Fatalf("%d %s", ctx.Response.StatusCode(), ctx.Response.Body())
	}
}

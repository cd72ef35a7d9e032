package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"time"
)

// A waitingRoom answers on the listeners while the server waits for the backbone: that it lives, since a restart would help nobody, and why it is
// not ready. Clients are told to come back.
type waitingRoom struct {
	http *http.Server
	held []*heldListener
	all  sync.WaitGroup
}

// A heldListener can be taken from who accepts from it, and stays open.
type heldListener struct {
	net.Listener
	deadline interface{ SetDeadline(time.Time) error }
	once     sync.Once
	ended    chan struct{}
}

// Accept returns net.ErrClosed when the listener has been taken away.
func (l *heldListener) Accept() (net.Conn, error) {
	conn, err := l.Listener.Accept()
	if errors.Is(err, os.ErrDeadlineExceeded) {
		<-l.ended
		return nil, net.ErrClosed
	}
	return conn, err
}

// Close takes the listener away from who accepts from it.
func (l *heldListener) Close() error {
	l.once.Do(func() {
		close(l.ended)
		_ = l.deadline.SetDeadline(time.Unix(1, 0)) // what does not know deadlines was not taken in
	})
	return nil
}

// roomTimeout is for each request of a waitingRoom, and for its head.
const roomTimeout = 5 * time.Second

// openRoom answers on listeners until close.
func openRoom(listeners []net.Listener, pathPrefix string, ready func() (bool, string)) *waitingRoom {
	w := &waitingRoom{http: &http.Server{
		ReadTimeout: roomTimeout, WriteTimeout: roomTimeout,
		ErrorLog: log.New(io.Discard, "", 0), // of clients that speak TLS, or nothing
		Handler: http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
			out.Header().Set("Content-Type", "text/plain; charset=utf-8")
			out.Header().Set("Cache-Control", "no-store")
			out.Header().Set("Connection", "close")
			_, reason := ready()
			switch strings.TrimPrefix(r.URL.Path, pathPrefix) {
			case "", "/", "/up", "/healthz": // as package rest has it
				fmt.Fprint(out, "OK")
				return
			}
			out.Header().Set("Retry-After", "1")
			out.WriteHeader(http.StatusServiceUnavailable)
			fmt.Fprint(out, reason)
		}),
	}}
	for _, ln := range listeners {
		d, ok := ln.(interface{ SetDeadline(time.Time) error })
		if !ok {
			continue
		}
		held := &heldListener{Listener: ln, deadline: d, ended: make(chan struct{})}
		w.held = append(w.held, held)
		w.all.Go(func() { _ = w.http.Serve(held) }) // ends by close
	}
	return w
}

// close gives the listeners back.
func (w *waitingRoom) close() {
	ctx, cancel := context.WithTimeout(context.Background(), 100*time.Millisecond)
	defer cancel()
	if w.http.Shutdown(ctx) != nil {
		_ = w.http.Close() // who has not asked by now asks again
	}
	w.all.Wait()
	for _, l := range w.held {
		_ = l.deadline.SetDeadline(time.Time{})
	}
}

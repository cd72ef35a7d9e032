package swarm_test

import (
	"math/rand/v2"
	"slices"
	"testing"

	"github.com/gannet-io/gannet/loadtest/swarm"
)

const greeting = `{"event":"pusher:connection_established","data":"{\"socket_id\":\"123.456\",\"activity_timeout\":30}"}`

func TestEventsOfTheProtocolAreTold(t *testing.T) {
	for message, want := range map[string]any{
		greeting:                  swarm.EventEstablished,
		`{"event":"pusher:ping"}`: swarm.EventPing,
		`{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`:        swarm.EventSubscribed,
		`{"channel":"c","data":"{}","event":"pusher_internal:subscription_succeeded"}`:        swarm.EventSubscribed,
		`{"event":"pusher:error","data":{"code":null,"message":"x"}}`:                         swarm.EventError,
		`{"event":"pusher_internal:member_added","channel":"c","data":"{\"user_id\":\"u\"}"}`: swarm.EventOther,
	} {
		if got := any(swarm.EventOf([]byte(message))); got != want {
			t.Errorf("%s: %v, want %v", message, got, want)
		}
	}
}

func TestGreetingIsReadHoweverItIsEncoded(t *testing.T) {
	for _, message := range []string{
		greeting,
		`{"event":"pusher:connection_established","data":{"socket_id":"123.456","activity_timeout":30}}`,
		`{"event":"pusher:connection_established","data":"{\"activity_timeout\": 30, \"socket_id\": \"123.456\"}"}`,
	} {
		if id, seconds := swarm.SocketID([]byte(message)), swarm.ActivityTimeout([]byte(message)); string(id) != "123.456" || seconds != 30 {
			t.Errorf("%s: %q, %d s", message, id, seconds)
		}
	}
	if id, seconds := swarm.SocketID([]byte("{}")), swarm.ActivityTimeout([]byte("{}")); len(id) != 0 || seconds != 0 {
		t.Errorf("nothing: %q, %d s", id, seconds)
	}
}

func TestErrorsAreCountedByTheirKind(t *testing.T) {
	for message, want := range map[string]string{
		`{"event":"pusher:error","data":{"code":4301,"message":"Too many client events"}}`:                          "pusher:error 4301: Too many client events",
		`{"event":"pusher:error","data":{"code":null,"message":"Existing subscription to load-abc-17"}}`:            "pusher:error: Existing subscription to",
		`{"event":"pusher:error","data":"{\"code\":4200,\"message\":\"Invalid message format\"}"}`:                  "pusher:error 4200: no text",
		`{"event":"pusher:error","data":{"code":null,"message":"Expected a digest of 1234.5678:private-load-a-1"}}`: "pusher:error: Expected a digest of",
		`{"event":"pusher:error"}`: "pusher:error: no text",
	} {
		if got := swarm.ErrorText([]byte(message)); got != want {
			t.Errorf("%s:\ngot  %q\nwant %q", message, got, want)
		}
	}
}

func TestTrackTellsLossFromDisorderFromRepetition(t *testing.T) {
	var track swarm.Track
	for i, step := range []struct {
		seq     uint32
		want    any
		skipped uint32
	}{
		{0, swarm.InTurn, 0},
		{1, swarm.InTurn, 0},
		{1, swarm.Duplicate, 0},
		{4, swarm.Ahead, 2},
		{3, swarm.Late, 0},
		{3, swarm.Duplicate, 0},
		{2, swarm.Late, 0},
		{5, swarm.InTurn, 0},
		{0, swarm.Duplicate, 0},
		{50, swarm.Ahead, 44},
		{49, swarm.Late, 0},
		{50, swarm.Duplicate, 0},
		{5, swarm.Late, 0}, // too long ago to know
		{51, swarm.InTurn, 0},
	} {
		if got, skipped := track.Arrive(step.seq); any(got) != step.want || skipped != step.skipped {
			t.Errorf("step %d, number %d: %v, %d skipped; want %v, %d", i, step.seq, got, skipped, step.want, step.skipped)
		}
	}
}

func TestTrackOfAStreamThatBeginsLateHasSkippedItsBeginning(t *testing.T) {
	var track swarm.Track
	if got, skipped := track.Arrive(7); got != swarm.Ahead || skipped != 7 {
		t.Errorf("%v, %d skipped; want 7", got, skipped)
	}
}

func TestAgendaGivesTasksInTheirOrder(t *testing.T) {
	var a swarm.Agenda
	var want []int64
	for range 500 {
		at := rand.Int64N(100)
		want = append(want, at)
		a.Push(at)
	}
	slices.Sort(want)
	for i, at := range want {
		if got := a.Pop(); got != at {
			t.Fatalf("task %d is at %d, want %d", i, got, at)
		}
	}
	if a.Len() != 0 {
		t.Errorf("%d tasks are left", a.Len())
	}
}

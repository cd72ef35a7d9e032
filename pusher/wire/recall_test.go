package wire_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/gannet-io/gannet/pusher/wire"
)

func TestSubscribeTellsWhatIsAskedAboutThePast(t *testing.T) {
	for members, want := range map[string]*wire.Recall{
		``:                              nil,
		`,"resume":null,"rewind":null`:  nil,
		`,"socket":"1.2"`:               nil,
		`,"resume":"E-13"`:              {HasResume: true, Resume: "E-13"},
		`,"resume":"E-1\u0033"`:         {HasResume: true, Resume: "E-13"},
		`,"resume":""`:                  {HasResume: true},
		`,"resume":13,"socket":7`:       {HasResume: true},
		`,"resume":{},"socket":"1.2"`:   {HasResume: true, Socket: "1.2"},
		`,"resume":"E-13","socket":"x"`: {HasResume: true, Resume: "E-13", Socket: "x"},
		`,"rewind":10`:                  {Rewind: 10},
		`,"rewind":0`:                   {},
		`,"rewind":"1m30s"`:             {Window: 90 * time.Second},
		`,"resume":"E-1","rewind":2`:    {HasResume: true, Resume: "E-1", Rewind: 2},
	} {
		s, err := wire.ParseSubscribe([]byte(`{"channel":"c"` + members + `}`))
		if err != nil || !reflect.DeepEqual(s.Recall, want) {
			t.Errorf("%s: got %+v, %v, want %+v", members, s.Recall, err, want)
		}
	}
	for _, rewind := range []string{`-1`, `1.5`, `1e3`, `"10"`, `"-3s"`, `""`, `"soon"`, `true`, `[]`, `{}`, `99999999999999999999`} {
		if _, err := wire.ParseSubscribe([]byte(`{"channel":"c","rewind":` + rewind + `}`)); err == nil {
			t.Errorf("rewind %s is taken", rewind)
		}
	}
}

// at is a place for the tests.
type at string

func (p at) Append(dst []byte) []byte { return append(dst, p...) }

// The frames are those of docs/design/0004-history-and-resume.md.
func TestFramesOfHistoryAreThoseOfTheDesign(t *testing.T) {
	place := at("E-13")
	succeeded := func(p *at, r wire.Recovery, reason string) string {
		return string(wire.AddPlace(wire.AppendSubscriptionSucceeded([]byte("before"), "c"), p, r, reason))
	}
	for got, want := range map[string]string{
		string(wire.Seal(wire.AppendOpenEvent(nil, "e", "c", []byte(`"…"`)), place)): `{"event":"e","channel":"c","data":"…","serial":"E-13"}`,

		succeeded(&place, wire.NotAsked, ""):              `before{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}","serial":"E-13"}`,
		succeeded(&place, wire.Recovered, ""):             `before{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}","serial":"E-13","recovered":true}`,
		succeeded(&place, wire.NotRecovered, "expired"):   `before{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}","serial":"E-13","recovered":false,"reason":"expired"}`,
		succeeded(nil, wire.NotRecovered, "epoch"):        `before{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}","recovered":false,"reason":"epoch"}`,
		succeeded(nil, wire.NotAsked, ""):                 `before{"event":"pusher_internal:subscription_succeeded","channel":"c","data":"{}"}`,
		string(wire.AppendPosition(nil, "c", &place, 0)):  `{"event":"pusher_internal:gannet_position","channel":"c","data":"{}","serial":"E-13"}`,
		string(wire.AppendPosition(nil, "c", &place, 3)):  `{"event":"pusher_internal:gannet_position","channel":"c","data":"{}","serial":"E-13","skipped":3}`,
		string(wire.AppendPosition[at](nil, "c", nil, 3)): `{"event":"pusher_internal:gannet_position","channel":"c","data":"{}","skipped":3}`,
	} {
		if got != want {
			t.Errorf("\n got %s\nwant %s", got, want)
		}
	}
}

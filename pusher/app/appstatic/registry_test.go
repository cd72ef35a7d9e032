package appstatic_test

import (
	"strings"
	"testing"

	"github.com/gannet-io/gannet/pusher/app"
	"github.com/gannet-io/gannet/pusher/app/appstatic"
	"github.com/gannet-io/gannet/pusher/app/apptest"
)

func TestRegistryKeepsTheContract(t *testing.T) {
	apptest.Run(t, func(t *testing.T, apps []*app.App) app.Registry {
		r, err := appstatic.New(apps)
		if err != nil {
			t.Fatal(err)
		}
		return r
	})
}

func TestNewRefusesAppsThatCannotBeToldApart(t *testing.T) {
	one := func(id string, keys ...string) *app.App {
		a := &app.App{ID: id}
		for _, k := range keys {
			a.Keys = append(a.Keys, app.Key{Key: k, Secret: "s"})
		}
		return a
	}
	for _, test := range []struct {
		apps []*app.App
		want string // in the error; empty: none
	}{
		{nil, ""},
		{[]*app.App{one("1", "a"), one("2", "b")}, ""},
		{[]*app.App{one("1", "2"), one("2", "1")}, ""}, // ids and keys are two alphabets
		{[]*app.App{one("1", "a"), one("1", "b")}, `the id "1"`},
		{[]*app.App{one("1", "a"), one("2", "b", "a")}, `share the key "a"`},
		{[]*app.App{one("1")}, "no key"},
	} {
		_, err := appstatic.New(test.apps)
		if test.want == "" && err != nil {
			t.Errorf("refused: %v", err)
		}
		if test.want != "" && (err == nil || !strings.Contains(err.Error(), test.want)) {
			t.Errorf("error %v, want one with %q", err, test.want)
		}
	}
}

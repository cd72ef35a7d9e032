package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"
	"strings"
)

// The development app, as users of other self-hosted servers know it.
const (
	devAppID  = "app-id"
	devKey    = "app-key"
	devSecret = "app-secret"
)

// devListen is where a development server listens unless told otherwise, and where the client commands look for one.
const devListen = "127.0.0.1:6001"

// Sources is where Load looks, weakest first: the defaults, File, Environ, Flags.
type Sources struct {
	File    string            // path of the configuration file; "": none
	Environ []string          // "NAME=value", as os.Environ returns it
	Flags   map[string]string // text of each flag given, by path: "log.level" -> "debug"
	Files   bool              // also look into the files that the configuration names
	DevTLS  bool              // with Dev: make a certificate
	Dev     bool              // add the development app, and listen on the loopback address unless told otherwise
}

// Load reads, merges and checks the whole configuration.
//
// The error is Problems when something is wrong with what is configured: all of it, not
// the first. An unreadable file is an error of its own. A variable set to nothing counts
// as not set. May block on the file.
func Load(src Sources) (*Config, error) {
	c := DefaultConfig()
	r := reading{file: orElse(src.File, "configuration"), where: map[string]string{}, anchors: map[string]anchor{}}
	if src.File != "" {
		text, err := os.ReadFile(src.File)
		if err != nil {
			return nil, fmt.Errorf("%s: %s", src.File, reasonOf(err))
		}
		r.read(c, text)
	}
	env := variables(src.Environ)
	r.fromEnvironment(c, env)
	r.fromFlags(c, src.Flags)
	if src.Dev {
		c.addDevApp()
		// Its secret is public, so nobody else gets in unless that was asked for.
		if _, configured := r.where["listen"]; !configured {
			c.Listen = at(devListen)
		}
	}
	r.applyProfile(c)
	r.otelEnvironment(c, src.Environ)
	c.goGC, c.goMemoryLimit = isSet(src.Environ, "GOGC"), isSet(src.Environ, "GOMEMLIMIT")
	c.DevTLS = src.DevTLS
	if c.DevTLS && !c.Dev {
		r.problems.add("--dev-tls", "is for development, with --dev")
	}
	// What is half read would only be complained about twice.
	if len(r.problems) == 0 {
		r.check(c)
	}
	var doubts []string
	if src.Files && len(r.problems) == 0 {
		doubts = r.checkFiles(c)
	}
	if err := r.problems.err(); err != nil {
		return nil, err
	}
	c.Warnings = append(warnings(c, r.where, env), doubts...)
	return c, nil
}

// reasonOf says in words why a file could not be read.
func reasonOf(err error) string {
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "there is no such file"
	case errors.Is(err, fs.ErrPermission):
		return "may not be read by this user"
	}
	var path *fs.PathError
	if errors.As(err, &path) {
		return path.Err.Error()
	}
	return err.Error()
}

// variables returns the GANNET_ variables that are set to something.
func variables(environ []string) map[string]string {
	env := make(map[string]string)
	for _, entry := range environ {
		name, value, _ := strings.Cut(entry, "=")
		if strings.HasPrefix(name, "GANNET_") && value != "" {
			env[name] = value
		}
	}
	return env
}

// isSet reports whether environ sets name to something.
func isSet(environ []string, name string) bool {
	return slices.ContainsFunc(environ, func(entry string) bool {
		value, ok := strings.CutPrefix(entry, name+"=")
		return ok && value != ""
	})
}

func (r *reading) fromEnvironment(c *Config, env map[string]string) {
	for _, key := range Keys() {
		text, ok := env[key.Env]
		if !ok || key.Env == "" {
			continue
		}
		r.set(c, key.Path, key.Env, text)
	}
	r.appFromEnvironment(c, env)
}

// appFromEnvironment adds the one app that can be configured without a file. GANNET_APP_ID
// alone is left to the client commands, which read it too.
func (r *reading) appFromEnvironment(c *Config, env map[string]string) {
	key, secret := env["GANNET_APP_KEY"], env["GANNET_APP_SECRET"]
	if key == "" && secret == "" {
		return
	}
	for _, name := range []string{"GANNET_APP_ID", "GANNET_APP_KEY", "GANNET_APP_SECRET"} {
		if env[name] == "" {
			r.problems.add(name, "is not set; an app needs GANNET_APP_ID, GANNET_APP_KEY and GANNET_APP_SECRET")
		}
	}
	a := DefaultApp()
	a.ID, a.Key, a.Secret = env["GANNET_APP_ID"], key, Secret(secret)
	prefix := fmt.Sprintf("apps[%d]", len(c.Apps))
	r.where[prefix] = "GANNET_APP_ID"
	r.where[prefix+".id"] = "GANNET_APP_ID"
	r.where[prefix+".key"] = "GANNET_APP_KEY"
	r.where[prefix+".secret"] = "GANNET_APP_SECRET"
	c.Apps = append(c.Apps, a)
}

func (r *reading) fromFlags(c *Config, flags map[string]string) {
	for _, key := range Keys() {
		if text, ok := flags[key.Path]; ok {
			r.set(c, key.Path, "--"+strings.NewReplacer(".", "-", "_", "-").Replace(key.Path), text)
		}
	}
}

// set stores text in the setting at path, on behalf of the flag or variable called place.
func (r *reading) set(c *Config, path, place, text string) {
	field, value := fieldAt(c, path)
	if err := setText(field, value, text); err != nil {
		r.problems.add(place, "%s", err)
	}
	r.where[path] = place
}

// addDevApp adds the development app, unless the file has one with its id or key.
func (c *Config) addDevApp() {
	c.Dev = true
	for i := range c.Apps {
		if c.Apps[i].ID == devAppID || slices.ContainsFunc(c.Apps[i].pairs(), func(k KeyConfig) bool { return k.Key == devKey }) {
			return
		}
	}
	a := DefaultApp()
	a.ID, a.Key, a.Secret = devAppID, devKey, devSecret
	a.ClientEvents, a.SubscriptionCount, a.Watchlist = true, true, true
	c.Apps = append(c.Apps, a)
}

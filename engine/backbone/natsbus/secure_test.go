package natsbus_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nkeys"

	"github.com/gannet-io/gannet/engine/backbone"
	"github.com/gannet-io/gannet/engine/backbone/backbonetest"
	"github.com/gannet-io/gannet/engine/backbone/natsbus"
)

// A guarded is a server outside that wants to know who comes.
type guarded struct {
	options func(o *server.Options)
	right   natsbus.External // but for where and TLS
	wrong   natsbus.External
}

// file writes what a node is to find in a file.
func file(t *testing.T, data []byte) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func must[T any](v T, err error) func(t *testing.T) T {
	return func(t *testing.T) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

// byNKey guards a server by the key of a user.
func byNKey(t *testing.T) guarded {
	one, other := must(nkeys.CreateUser())(t), must(nkeys.CreateUser())(t)
	return guarded{
		func(o *server.Options) { o.Nkeys = []*server.NkeyUser{{Nkey: must(one.PublicKey())(t)}} },
		natsbus.External{NKey: file(t, must(one.Seed())(t))}, natsbus.External{NKey: file(t, must(other.Seed())(t))},
	}
}

// byCredentials guards a server by an operator's word.
func byCredentials(t *testing.T) guarded {
	operator, system, account := must(nkeys.CreateOperator())(t), must(nkeys.CreateAccount())(t), must(nkeys.CreateAccount())(t)
	resolver := new(server.MemAccResolver)
	key := must(account.PublicKey())(t)
	claims := jwt.NewAccountClaims(key)
	claims.Limits.JetStreamLimits = jwt.JetStreamLimits{MemoryStorage: -1, DiskStorage: -1, Streams: -1, Consumer: -1}
	systemKey := must(system.PublicKey())(t)
	for key, text := range map[string]string{
		key: must(claims.Encode(operator))(t), systemKey: must(jwt.NewAccountClaims(systemKey).Encode(operator))(t),
	} {
		if err := resolver.Store(key, text); err != nil {
			t.Fatal(err)
		}
	}
	credentials := func(by nkeys.KeyPair) string {
		user := must(nkeys.CreateUser())(t)
		claims := jwt.NewUserClaims(must(user.PublicKey())(t))
		claims.IssuerAccount = key
		if by != account {
			claims.IssuerAccount = ""
		}
		return file(t, must(jwt.FormatUserConfig(must(claims.Encode(by))(t), must(user.Seed())(t)))(t))
	}
	stranger := must(nkeys.CreateAccount())(t)
	return guarded{
		func(o *server.Options) {
			o.TrustedKeys, o.AccountResolver, o.SystemAccount = []string{must(operator.PublicKey())(t)}, resolver, systemKey
		},
		natsbus.External{Credentials: credentials(account)}, natsbus.External{Credentials: credentials(stranger)},
	}
}

func guards(t *testing.T) map[string]guarded {
	return map[string]guarded{
		"user and password": {
			func(o *server.Options) { o.Username, o.Password = "gannet", "sesame-1" },
			natsbus.External{User: "gannet", Password: "sesame-1"}, natsbus.External{User: "gannet", Password: "sesame-2"},
		},
		"token": {
			func(o *server.Options) { o.Authorization = "sesame-1" },
			natsbus.External{Token: "sesame-1"}, natsbus.External{Token: "sesame-2"},
		},
		"nkey":        byNKey(t),
		"credentials": byCredentials(t),
	}
}

// works has a bus do one of each.
func works(t *testing.T, b *natsbus.Bus, name string) *witness {
	t.Helper()
	w := newWitness(t, name)
	w.start(b)
	if t.Failed() {
		t.FailNow()
	}
	keep := &backbone.Retention{Events: 10}
	b.Attach("log", keep)
	w.until("Attached", func() bool { return w.attached["log"] > 0 })
	if err := b.Append("log", keep, []byte("x"))(); err != nil {
		t.Errorf("Append: %v", err)
	}
	if err := b.Publish("plain", []byte("x"))(); err != nil {
		t.Errorf("Publish: %v", err)
	}
	w.until("its message", func() bool { return len(w.stored["log"]) > 0 })
	return w
}

// refusedAtOnce starts a bus that is not wanted, and returns why.
func refusedAtOnce(t *testing.T, b *natsbus.Bus) string {
	t.Helper()
	defer shut(t, b)
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	err := b.Start(ctx, newWitness(t, "wrong"))
	if err == nil || errors.Is(err, context.DeadlineExceeded) {
		t.Fatalf("Start: %v, want to be told at once", err)
	}
	return err.Error()
}

func TestServersOutsideMayWantCredentialsAndCertificates(t *testing.T) {
	t.Parallel()
	authority, other := backbonetest.NewAuthority(t), backbonetest.NewAuthority(t)
	for name, g := range guards(t) {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			o := &outside{t: t, dir: t.TempDir(), port: server.RANDOM_PORT, options: func(o *server.Options) {
				o.TLS, o.TLSVerify, o.TLSConfig, o.TLSTimeout = true, true, authority.TLS(), 5
				g.options(o)
			}}
			o.start()
			t.Cleanup(o.stop) // behind the buses
			bus := func(e natsbus.External, secure *tls.Config) *natsbus.Bus {
				e.URLs, e.TLS = []string{"tls://" + o.server.Addr().String()}, secure
				return open(t, natsbus.Config{Name: "a", Shards: 1, External: &e})
			}
			works(t, bus(g.right, authority.TLS()), "a")
			why := refusedAtOnce(t, bus(g.wrong, authority.TLS()))
			if !strings.Contains(strings.ToLower(why), "authorization violation") || strings.Contains(why, "sesame") || !strings.Contains(why, o.server.Addr().String()) {
				t.Errorf("with wrong credentials: %s", why)
			}
			if name != "token" {
				return
			}
			// Certificates are about the link alone, the same for all.
			if why := refusedAtOnce(t, bus(g.right, other.TLS())); !strings.Contains(why, "unknown authority") {
				t.Errorf("of a server that another authority vouches for: %s", why)
			}
			if why := refusedAtOnce(t, bus(g.right, &tls.Config{RootCAs: authority.Pool})); !strings.Contains(why, "certificate") {
				t.Errorf("without a certificate: %s", why)
			}
		})
	}
}

func TestAPasswordThatIsWrongForAWhileIsSaidAndComesRightByItself(t *testing.T) {
	password := "sesame-1"
	o := &outside{t: t, dir: t.TempDir(), port: server.RANDOM_PORT, options: func(o *server.Options) { o.Username, o.Password = "gannet", password }}
	o.start()
	defer func() { o.stop() }()
	b := open(t, natsbus.Config{Name: "a", Shards: 1, External: &natsbus.External{URLs: []string{"nats://" + o.server.Addr().String()}, User: "gannet", Password: password}})
	w := works(t, b, "a")
	defer shut(t, b) // before the server
	o.stop()
	password = "sesame-2"
	o.start()
	eventually(t, "the reason", func() bool { return strings.Contains(strings.ToLower(b.Status().Reason), "authorization violation") })
	// Time for several attempts: the second one that is refused is where the library gives up, unless told otherwise. They are not many.
	begin, before := time.Now(), o.attempts()
	eventually(t, "three more attempts", func() bool { return o.attempts() >= before+3 })
	if took := time.Since(begin); took < 500*time.Millisecond {
		t.Errorf("three attempts within %v", took)
	}
	if strings.Contains(b.Status().Reason, "sesame") {
		t.Errorf("the reason has the password: %s", b.Status().Reason)
	}
	o.stop()
	password = "sesame-1"
	o.start()
	w.until("State up", func() bool { return w.up })
}

func (o *outside) attempts() uint64 {
	o.t.Helper()
	return must(o.server.Varz(nil))(o.t).TotalConnections
}

func eventually(t *testing.T, what string, is func() bool) {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for late := time.After(time.Minute); !is(); {
		select {
		case <-tick.C:
		case <-late:
			t.Fatalf("%s: not within a minute", what)
		}
	}
}

// say sends text to a server and returns all that it answers until it hangs up.
func say(t *testing.T, address, text string) string {
	t.Helper()
	c, err := net.Dial("tcp", address)
	if err != nil {
		t.Error(err)
		return ""
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	_, _ = io.WriteString(c, text) // it may have hung up
	answer, _ := io.ReadAll(c)
	return string(answer)
}

// A stranger reaches all ports of a cluster, and knows nothing.
func TestAStrangerNeitherJoinsNorReads(t *testing.T) {
	t.Parallel()
	for _, secured := range []bool{false, true} {
		t.Run(map[bool]string{false: "secret", true: "secret and TLS"}[secured], func(t *testing.T) {
			t.Parallel()
			authority := backbonetest.NewAuthority(t)
			var ours, theirs *tls.Config
			if secured {
				ours, theirs = authority.TLS(), backbonetest.NewAuthority(t).TLS()
				theirs.InsecureSkipVerify = true // they do not mind
			}
			var addresses []string
			var doors []*proxy
			for range 3 {
				p := newProxy(t)
				doors = append(doors, p)
				addresses = append(addresses, p.address())
			}
			var buses []*natsbus.Bus
			var sinks []*witness
			for i, p := range doors {
				b := open(t, natsbus.Config{Name: string(rune('a' + i)), Shards: 1, Lease: 15 * time.Second, Embedded: &natsbus.Embedded{
					Dir: t.TempDir(), Routes: addresses, Self: addresses[i], Listen: "127.0.0.1:0", Secret: "sesame-1", TLS: ours,
				}})
				if err := b.Open(); err != nil {
					t.Fatal(err)
				}
				p.to(clusterAddress(b.Server()))
				buses = append(buses, b)
			}
			starting := make(chan struct{}, 3)
			for i, b := range buses {
				w := newWitness(t, string(rune('a'+i)))
				sinks = append(sinks, w)
				go func() { w.start(b); starting <- struct{}{} }()
			}
			for range 3 {
				<-starting
			}
			for _, w := range sinks {
				w.until("all nodes", func() bool { return len(w.entries) == 3 })
			}
			route, client := clusterAddress(buses[0].Server()), buses[0].Server().Addr().String()

			// Words alone.
			var all sync.WaitGroup
			for _, text := range []string{
				"SUB > 1\r\nPING\r\n",
				"CONNECT {}\r\nSUB > 1\r\nPING\r\n",
				"RS+ $G >\r\nPING\r\n",
				`CONNECT {"name":"x","cluster":"gannet","user":"gannet","pass":"sesame-2"}` + "\r\nRS+ $G >\r\nPING\r\n",
				`INFO {"server_id":"X","server_name":"x","cluster":"gannet"}` + "\r\nRS+ $G >\r\nRMSG $G gannet.f.x 1\r\nx\r\n",
			} {
				for _, address := range []string{route, client} {
					all.Go(func() {
						if got := say(t, address, text); strings.Contains(got, "PONG") || strings.Contains(got, "MSG ") || strings.Contains(got, "RS+ ") {
							t.Errorf("%s answers %q to %q", address, got, text)
						}
					})
				}
			}
			// A client, also one that knows what nodes know.
			for _, option := range [][]nats.Option{nil, {nats.Token("")}, {nats.Token("sesame-1")}, {nats.UserInfo("gannet", "sesame-1")}, {nats.UserInfo("", "")}} {
				for _, address := range []string{route, client} {
					all.Go(func() {
						if c, err := nats.Connect("nats://"+address, option...); err == nil {
							t.Errorf("a client is let in at %s", address)
							c.Close()
						}
					})
				}
			}
			all.Wait()
			// A server of the same cluster, so they say.
			known := []string{"a", "b", "c"}
			for _, user := range []*url.Userinfo{nil, url.UserPassword("gannet", "sesame-2"), url.UserPassword("gannet", "sesame-1")} {
				if user.String() == "gannet:sesame-1" && !secured {
					continue // that is a node
				}
				way := newProxy(t)
				way.to(route)
				s, err := server.NewServer(&server.Options{
					ServerName: "stranger", Host: "127.0.0.1", Port: server.RANDOM_PORT, NoSigs: true, NoLog: true,
					Cluster: server.ClusterOpts{Name: "gannet", Host: "127.0.0.1", Port: server.RANDOM_PORT, PoolSize: -1, TLSConfig: theirs, TLSTimeout: 5},
					Routes:  []*url.URL{{Scheme: "nats", User: user, Host: way.address()}},
				})
				if err != nil {
					t.Fatal(err)
				}
				s.Start()
				eventually(t, "a refusal", func() bool { return way.hangups() > 0 || s.NumRoutes() > 0 })
				if n := s.NumRoutes(); n > 0 {
					t.Errorf("a stranger's server has %d routes", n)
				}
				for name := range buses[0].Remotes() {
					if !strings.Contains(strings.Join(known, " "), name) {
						t.Errorf("a node has a route to %q", name)
					}
				}
				s.Shutdown()
			}
		})
	}
}

func TestANodeAloneThatListensWantsTheSecret(t *testing.T) {
	b := open(t, natsbus.Config{Name: "a", Shards: 1, Embedded: &natsbus.Embedded{Client: "127.0.0.1:0", Secret: "sesame-1"}})
	works(t, b, "a")
	address := b.Server().Addr().String()
	for _, option := range [][]nats.Option{nil, {nats.Token("sesame-2")}, {nats.UserInfo("gannet", "sesame-1")}} {
		if c, err := nats.Connect("nats://"+address, option...); err == nil {
			t.Error("a stranger is let in")
			c.Close()
		}
	}
	if got := say(t, address, "SUB > 1\r\nPING\r\n"); strings.Contains(got, "PONG") {
		t.Errorf("it answers %q", got)
	}
	works(t, open(t, natsbus.Config{Name: "b", Shards: 1, External: &natsbus.External{URLs: []string{"nats://" + address}, Token: "sesame-1"}}), "b")
}

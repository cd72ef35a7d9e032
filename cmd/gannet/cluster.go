package main

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gannet-io/gannet/engine/backbone/redisbus"
)

// ClusterConfig says what connects this node with others.
type ClusterConfig struct {
	Driver string        `yaml:"driver"` // none, nats, redis
	Node   string        `yaml:"node"`   // its name, which no other node has; "": of the machine, see Config.nodeName
	Lease  time.Duration `yaml:"lease"`  // of silence until the others take a node for gone
	NATS   NATSConfig    `yaml:"nats"`
	Redis  RedisConfig   `yaml:"redis"`
}

// NATSConfig is for the driver nats: a server in this process, unless URLs names others.
type NATSConfig struct {
	URLs        []string `yaml:"urls"`        // of servers that run already; empty: embedded
	Credentials string   `yaml:"credentials"` // file with a user's JWT and seed
	User        string   `yaml:"user"`
	Password    Secret   `yaml:"password"`
	Token       Secret   `yaml:"token"`

	NKey   string `yaml:"nkey"`   // file with a seed
	Domain string `yaml:"domain"` // of JetStream

	Listen  string   `yaml:"listen"`  // host:port for the servers of other nodes
	Routes  []string `yaml:"routes"`  // host:port of each node that keeps data
	Address string   `yaml:"address"` // which of them is this node; "": found out
	Secret  Secret   `yaml:"secret"`  // shared by all nodes
	Sync    string   `yaml:"sync"`    // interval, always

	Replicas     int           `yaml:"replicas"`                                  // 0: 3 when as many nodes keep data
	Shards       int           `yaml:"shards"`                                    // over which logs are spread
	HistoryBytes int           `yaml:"history_bytes" unit:"bytes" range:"16MiB-"` // of all logs together, in the backbone
	Prefix       string        `yaml:"prefix"`                                    // of all names in the backbone
	TLS          LinkTLSConfig `yaml:"tls"`
}

// RedisConfig is for the driver redis.
type RedisConfig struct {
	URL      Secret        `yaml:"url"`      // may hold a password
	Password Secret        `yaml:"password"` // instead of one in URL
	Prefix   string        `yaml:"prefix"`   // of all keys and channels
	TLS      LinkTLSConfig `yaml:"tls"`
}

// LinkTLSConfig names files in PEM.
type LinkTLSConfig struct {
	CA   string `yaml:"ca"` // trusted instead of the system's authorities
	Cert string `yaml:"cert"`
	Key  string `yaml:"key"`
}

// The words of ClusterConfig.Driver and NATSConfig.Sync.
const (
	driverNone  = "none"
	driverNATS  = "nats"
	driverRedis = "redis"

	syncInterval = "interval"
	syncAlways   = "always"
)

func defaultCluster() ClusterConfig {
	return ClusterConfig{
		Driver: driverNone,
		Lease:  15 * time.Second,
		NATS:   NATSConfig{Sync: syncInterval, Shards: 8, HistoryBytes: 4 << 30, Prefix: "gannet"},
		Redis:  RedisConfig{Prefix: "gannet:"},
	}
}

// clustered reports whether there are to be other nodes.
func (c *Config) clustered() bool { return c.Cluster.Driver != driverNone }

// embedded reports whether the backbone runs in this process.
func (c *Config) embedded() bool {
	return c.Cluster.Driver == driverNATS && len(c.Cluster.NATS.URLs) == 0
}

// nodeName returns the name of this node: what is configured, else that of the machine, with the port of the server inside where there is one, since
// several may run on a machine.
func (c *Config) nodeName() (string, error) {
	if c.Cluster.Node != "" {
		return c.Cluster.Node, nil
	}
	host, err := os.Hostname()
	if err != nil {
		return "", fmt.Errorf("cluster.node: this machine has no name, so give the node one: %w", err)
	}
	if _, port, err := net.SplitHostPort(c.Cluster.NATS.Listen); err == nil && c.embedded() && port != "0" {
		host += "-" + port
	}
	name := strings.Map(func(r rune) rune {
		if nameRune(r) {
			return r
		}
		return '-'
	}, host)
	return name[:min(len(name), maxNodeName)], nil
}

// maxNodeName is the length of the longest name of a node.
const maxNodeName = 64

func nameRune(r rune) bool {
	return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '-' || r == '_'
}

func (r *reading) checkCluster(c *Config) {
	cl := &c.Cluster
	r.checkWord("cluster.driver", cl.Driver, driverNone, driverNATS, driverRedis)
	r.checkPlainName("cluster.node", cl.Node, maxNodeName)
	if prefix := cl.NATS.Prefix; prefix == "" || len(prefix) > 32 || strings.ContainsFunc(prefix, func(c rune) bool { return !nameRune(c) || c == '_' }) {
		r.bad("cluster.nats.prefix", "must be 1 to 32 letters, digits and -, got %q", prefix)
	}
	r.checkWord("cluster.nats.sync", cl.NATS.Sync, syncInterval, syncAlways)
	if cl.Lease < time.Second || cl.Lease > 10*time.Minute {
		r.bad("cluster.lease", "must be from 1s to 10m, got %s", formatDuration(cl.Lease))
	}
	if n := cl.NATS.Replicas; n != 0 && n != 1 && n != 3 && n != 5 {
		r.bad("cluster.nats.replicas", "must be 1, 3 or 5, or 0 for 3 when as many nodes keep data, got %d", n)
	}
	r.checkRange("cluster.nats.shards", cl.NATS.Shards, 1, 64)
	r.checkLinkTLS("cluster.nats.tls", &cl.NATS.TLS)
	r.checkLinkTLS("cluster.redis.tls", &cl.Redis.TLS)
	switch cl.Driver {
	case driverNATS:
		r.checkNATS(&cl.NATS)
	case driverRedis:
		r.checkRedis(&cl.Redis)
	}
}

func (r *reading) checkPlainName(path, name string, most int) {
	if len(name) > most || strings.ContainsFunc(name, func(c rune) bool { return !nameRune(c) }) {
		r.bad(path, "must be up to %d letters, digits, - and _, got %q", most, name)
	}
}

func (r *reading) checkLinkTLS(path string, t *LinkTLSConfig) {
	if (t.Cert == "") != (t.Key == "") {
		r.bad(path, "cert and key go together")
	}
}

// linkFiles adds what is wrong with the files that the cluster section names.
func (r *reading) linkFiles(c *Config) {
	exists := func(path, file string) {
		if file == "" {
			return
		}
		if _, err := os.Stat(file); err != nil {
			r.bad(path, "%s: %s", file, reasonOf(err))
		}
	}
	exists("cluster.nats.credentials", c.Cluster.NATS.Credentials)
	exists("cluster.nats.nkey", c.Cluster.NATS.NKey)
	for path, t := range map[string]*LinkTLSConfig{"cluster.nats.tls": &c.Cluster.NATS.TLS, "cluster.redis.tls": &c.Cluster.Redis.TLS} {
		exists(path+".ca", t.CA)
		exists(path+".cert", t.Cert)
		exists(path+".key", t.Key)
	}
}

func (r *reading) checkNATS(n *NATSConfig) {
	for i, text := range n.URLs {
		if err := checkServerURL(text, "nats", "tls", "ws", "wss"); err != nil {
			r.bad(fmt.Sprintf("cluster.nats.urls[%d]", i), "%s", err)
		}
	}
	ways := 0
	for _, set := range []bool{n.Credentials != "", n.NKey != "", n.User != "" || n.Password != "", n.Token != ""} {
		if set {
			ways++
		}
	}
	switch {
	case ways > 1:
		r.bad("cluster.nats", "give one of credentials, nkey, user with password, and token")
	case ways > 0 && len(n.URLs) == 0:
		r.bad("cluster.nats", "credentials, nkey, user, password and token are for the servers in cluster.nats.urls; nodes with a server inside share cluster.nats.secret")
	case (n.User == "") != (n.Password == ""):
		r.bad("cluster.nats.user", "user and password go together")
	}
	if len(n.URLs) > 0 {
		if n.Listen != "" || len(n.Routes) > 0 || n.Address != "" {
			r.bad("cluster.nats.listen", "listen, routes and address are for a server inside, and urls names others; give one or the other")
		}
		return
	}
	for i, text := range n.Routes {
		if _, err := routeAddress(text); err != nil {
			r.bad(fmt.Sprintf("cluster.nats.routes[%d]", i), "%s", err)
		}
	}
	if count := len(n.Routes); count != 0 && count != 1 && count != 3 && count != 5 {
		r.bad("cluster.nats.routes", "lists the nodes that keep data, of which most have to be there: want 1, 3 or 5, got %d; further nodes join them unlisted", count)
	}
	if n.Replicas > max(1, len(n.Routes)) {
		r.bad("cluster.nats.replicas", "there cannot be %d copies while %d nodes keep data", n.Replicas, max(1, len(n.Routes)))
	}
	if n.Address != "" {
		if _, err := routeAddress(n.Address); err != nil {
			r.bad("cluster.nats.address", "%s", err)
		}
	}
	if n.Listen == "" {
		if len(n.Routes) > 0 {
			r.bad("cluster.nats.listen", "the nodes in cluster.nats.routes have to reach this one; give it an address such as 0.0.0.0:6222")
		}
		return
	}
	_, port, err := net.SplitHostPort(n.Listen)
	if number, e := strconv.Atoi(port); err != nil || e != nil || number < 1 || number > 65535 {
		r.bad("cluster.nats.listen", "want an address such as 0.0.0.0:6222, got %q", n.Listen)
		return
	}
	switch t := &n.TLS; {
	case *t == LinkTLSConfig{}:
	case t.Cert == "":
		r.bad("cluster.nats.tls.cert", "nodes with a server inside show each other certificates; name this one's with its key")
	case t.CA == "":
		// Else whatever any public authority has signed would do.
		r.bad("cluster.nats.tls.ca", "nodes with a server inside show each other certificates; name the authority that has to have signed them")
	}
	if n.Secret == "" && mayBeReached(n.Listen) {
		r.bad("cluster.nats.secret", "whoever reaches cluster.nats.listen could join the cluster; set the same secret on all nodes")
	}
}

// routeAddress reads the address of another node, host:port, which may be written as nats://host:port.
func routeAddress(text string) (string, error) {
	address := strings.TrimPrefix(text, "nats://")
	host, port, err := net.SplitHostPort(address)
	number, e := strconv.Atoi(port)
	if strings.Contains(address, "@") {
		return "", errors.New("want host:port alone; the secret of all nodes goes into cluster.nats.secret")
	}
	if err != nil || e != nil || host == "" || number < 1 || number > 65535 {
		return "", fmt.Errorf("want an address such as 10.0.0.1:6222, got %q", text)
	}
	return address, nil
}

// checkServerURL returns what is wrong with the URL of a server. It shows none that holds a secret.
func checkServerURL(text string, schemes ...string) error {
	u, err := url.Parse(text)
	if err == nil && u.User != nil || err != nil && strings.Contains(text, "@") {
		return errors.New("user and password do not go into the URL, since it is shown in places; they have keys of their own")
	}
	if err == nil {
		for _, scheme := range schemes {
			if u.Scheme == scheme && u.Host != "" {
				return nil
			}
		}
	}
	return fmt.Errorf("want a URL such as %s://10.0.0.1:4222, got %q", schemes[0], text)
}

func (r *reading) checkRedis(c *RedisConfig) {
	if strings.ContainsAny(c.Prefix, "{}") || strings.ContainsFunc(c.Prefix, func(c rune) bool { return c <= ' ' || c > '~' }) {
		r.bad("cluster.redis.prefix", "must be printable ASCII without blanks and braces, got %q", c.Prefix)
	}
	// Not one word of the URL is shown: it may hold the password.
	u, hosts, err := redisbus.ParseURL(string(c.URL))
	if err != nil || hosts == "" {
		r.bad("cluster.redis.url", "want a URL such as redis://10.0.0.1:6379")
		return
	}
	kind, mode, _ := strings.Cut(u.Scheme, "+")
	if kind != "redis" && kind != "rediss" || mode != "" && mode != "sentinel" && mode != "cluster" {
		r.bad("cluster.redis.url", "want a URL that begins with redis:// or, for TLS, rediss://, and for more than one server redis+sentinel:// or redis+cluster://")
		return
	}
	if _, has := u.User.Password(); has && c.Password != "" {
		r.bad("cluster.redis.password", "the URL has a password, too; give one")
	}
	if (c.TLS.CA != "" || c.TLS.Cert != "") && kind != "rediss" {
		r.bad("cluster.redis.tls", "is for a URL that begins with rediss")
	} else if _, err := redisbus.New(redisbus.Config{URL: string(c.URL), Name: "any"}); err != nil {
		r.bad("cluster.redis.url", "%s", strings.TrimPrefix(err.Error(), "redisbus: "))
	}
}

// self returns which of the routes is this node, as the other nodes have it; "": none. addresses are those of this machine.
func (n *NATSConfig) self(addresses []net.Addr, lookup func(host string) ([]netip.Addr, error)) (string, error) {
	if n.Address != "" {
		return routeAddress(n.Address)
	}
	host, port, err := net.SplitHostPort(n.Listen)
	if err != nil {
		return "", nil
	}
	ours := func(a netip.Addr) bool {
		if bound, err := netip.ParseAddr(host); err == nil && !bound.IsUnspecified() {
			return a.Unmap() == bound.Unmap()
		}
		return slices.ContainsFunc(addresses, func(address net.Addr) bool {
			p, err := netip.ParsePrefix(address.String())
			return err == nil && p.Addr().Unmap() == a.Unmap()
		})
	}
	var found []string
	for _, text := range n.Routes {
		route, err := routeAddress(text)
		if err != nil {
			return "", err
		}
		if route == n.Listen {
			return route, nil
		}
		routeHost, routePort, _ := net.SplitHostPort(route)
		if routePort != port {
			continue
		}
		// A name that cannot be looked up is that of a node which is not there yet, so not of this one.
		if resolved, err := lookup(routeHost); err == nil && slices.ContainsFunc(resolved, ours) {
			found = append(found, route)
		}
	}
	if len(found) > 1 {
		return "", fmt.Errorf("cluster.nats.address: %s are all this machine; say which of them is this node", strings.Join(found, " and "))
	}
	return strings.Join(found, ""), nil
}
func clusterWarnings(c *Config, warn func(path, format string, args ...any)) {
	switch n := &c.Cluster.NATS; {
	case !c.clustered():
		for _, set := range []struct {
			is   bool
			path string
		}{{len(n.URLs) > 0, "cluster.nats.urls"}, {n.Listen != "", "cluster.nats.listen"}, {c.Cluster.Redis.URL != "", "cluster.redis.url"}} {
			if set.is {
				warn(set.path, "%s does nothing while cluster.driver is none", set.path)
			}
		}
	case !c.embedded():
	case c.DataDir == "" && len(n.Routes) == 0:
		warn("cluster.nats", "data_dir is empty, so what the backbone keeps is lost when this node ends")
	}
}

// summarizeCluster says in one line what connects the nodes.
func summarizeCluster(c *Config) string {
	name, err := c.nodeName()
	if err != nil {
		name = "without a name"
	}
	text := fmt.Sprintf("%s, node %s; ", c.Cluster.Driver, name)
	n := &c.Cluster.NATS
	switch {
	case c.Cluster.Driver == driverRedis:
		_, hosts, err := redisbus.ParseURL(string(c.Cluster.Redis.URL))
		if err != nil {
			return text
		}
		return text + "server " + hosts
	case !c.embedded():
		return text + "servers " + strings.Join(n.URLs, " ")
	case n.Listen == "":
		return text + "alone"
	case len(n.Routes) == 0:
		return text + "server inside at " + n.Listen
	}
	return text + "server inside at " + n.Listen + ", data on " + strings.Join(n.Routes, " ")
}

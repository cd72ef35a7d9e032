package redisbus

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/redis/rueidis"
)

// A Config says where Redis is and how to use it. URL and Name have to be set.
type Config struct {
	// URL is one of
	//
	//	redis://user:password@host:6379/0
	//	redis+sentinel://user:password@sentinel:26379,sentinel2:26379/master/0
	//	redis+cluster://user:password@host:6379,host2:6379
	//
	// or the same with rediss for TLS. Sentinels that want a password of their own get it by ?sentinel_user= and ?sentinel_password=.
	URL string
	// Password is used when the URL has none.
	Password string
	// Prefix is what all keys and channels begin with, "gannet:" if empty. It says which nodes are one cluster. No braces.
	Prefix string
	// Name is the node's.
	Name string

	CAFile            string // certificates to trust instead of the system's, PEM
	CertFile, KeyFile string // of this client, PEM

	// Lease is for how long a node that is silent stays on the board, 15 s if 0. It is renewed fifteen times as often.
	Lease time.Duration
	// CheckEvery is how often the places of all attached logs are compared with Redis, 10 s if 0.
	CheckEvery time.Duration
	// MaxWaiting is how many messages may wait to be sent, 65,536 if 0.
	MaxWaiting int

	Log *slog.Logger // nil: nowhere
}

const (
	defaultPrefix     = "gannet:"
	defaultLease      = 15 * time.Second
	defaultCheckEvery = 10 * time.Second
	defaultMaxWaiting = 1 << 16

	dialTimeout    = 2 * time.Second
	pingEvery      = time.Second     // when nothing else is asked
	answerTimeout  = 2 * time.Second // of a ping; with pingEvery, a dead link is noticed within 4 s
	commandTimeout = 3 * time.Second
)

// A place is what a URL says.
type place struct {
	mode     rueidis.ClientMode
	addrs    []string
	database int
	option   rueidis.ClientOption
}

// ParseURL reads a URL of a Config: there may be several hosts, with commas between, which package url does not read. u has "host" in their
// place. The error shows nothing of it, since it may hold a password. Any goroutine.
func ParseURL(text string) (u *url.URL, hosts string, err error) {
	if scheme, after, ok := strings.Cut(text, "://"); ok {
		end := strings.IndexAny(after, "/?#")
		if end < 0 {
			end = len(after)
		}
		begin := strings.LastIndexByte(after[:end], '@') + 1
		hosts = after[begin:end]
		text = scheme + "://" + after[:begin] + "host" + after[end:]
	}
	if u, err = url.Parse(text); err != nil {
		return nil, "", errors.New("redisbus: the URL cannot be read")
	}
	return u, hosts, nil
}

// parse reads c. Its errors hold no secrets.
func (c *Config) parse() (p place, err error) {
	u, hosts, err := ParseURL(c.URL)
	if err != nil {
		return p, err
	}
	kind, mode, _ := strings.Cut(u.Scheme, "+")
	if kind != "redis" && kind != "rediss" {
		return p, fmt.Errorf("redisbus: URL scheme %q: want redis, rediss, or one of them with +sentinel or +cluster", u.Scheme)
	}
	defaultPort := "6379"
	path := strings.Split(strings.Trim(u.Path, "/"), "/")
	switch mode {
	case "":
		p.mode = rueidis.ClientModeStandalone
	case "cluster":
		p.mode = rueidis.ClientModeCluster
	case "sentinel":
		p.mode = rueidis.ClientModeSentinel
		defaultPort = "26379"
		if path[0] == "" {
			return p, errors.New("redisbus: the URL names no master: redis+sentinel://host:26379/master")
		}
		p.option.Sentinel.MasterSet = path[0]
		path = path[1:]
	default:
		return p, fmt.Errorf("redisbus: URL scheme %q: want redis, rediss, or one of them with +sentinel or +cluster", u.Scheme)
	}
	if len(path) > 1 {
		return p, errors.New("redisbus: the URL's path is too long: a database's number is all that goes there")
	}
	if len(path) == 1 && path[0] != "" {
		if p.database, err = strconv.Atoi(path[0]); err != nil || p.database < 0 {
			return p, fmt.Errorf("redisbus: %q is no number of a database", path[0])
		}
	}
	if p.mode == rueidis.ClientModeCluster && p.database != 0 {
		return p, errors.New("redisbus: a Redis Cluster has database 0 alone")
	}
	for _, host := range strings.Split(hosts, ",") {
		if host == "" {
			return p, errors.New("redisbus: the URL lacks a host")
		}
		if port, err := url.Parse("redis://" + host); err != nil || port.Hostname() == "" {
			return p, errors.New("redisbus: the URL cannot be read: want host or host:port, and commas between them")
		} else if port.Port() == "" {
			host = net.JoinHostPort(port.Hostname(), defaultPort)
		}
		p.addrs = append(p.addrs, host)
	}
	if p.mode == rueidis.ClientModeStandalone && len(p.addrs) > 1 {
		return p, errors.New("redisbus: several hosts: want redis+cluster:// or redis+sentinel://")
	}
	o := &p.option
	for key := range u.Query() {
		switch key {
		case "sentinel_user":
			o.Sentinel.Username = u.Query().Get(key)
		case "sentinel_password":
			o.Sentinel.Password = u.Query().Get(key)
		default:
			return p, fmt.Errorf("redisbus: the URL has an unknown parameter %q", key)
		}
	}
	if u.User != nil {
		o.Username = u.User.Username()
		o.Password, _ = u.User.Password()
	}
	if o.Password == "" {
		o.Password = c.Password
	}
	if kind == "rediss" {
		if o.TLSConfig, err = c.tls(); err != nil {
			return p, err
		}
		if p.mode == rueidis.ClientModeStandalone {
			o.TLSConfig.ServerName, _, _ = net.SplitHostPort(p.addrs[0])
		}
	} else if c.CAFile != "" || c.CertFile != "" {
		return p, errors.New("redisbus: certificates, but the URL does not begin with rediss")
	}
	o.InitAddress = p.addrs
	o.SelectDB = p.database
	o.ForceSingleClient = p.mode == rueidis.ClientModeStandalone
	o.Sentinel.TLSConfig = o.TLSConfig
	o.Sentinel.TopologyRefreshInterval = 2 * time.Second
	o.ClusterOption.ShardsRefreshInterval = 5 * time.Second
	o.ClusterOption.MaxMovedRedirections = 5
	o.Dialer.Timeout = dialTimeout
	o.Dialer.KeepAlive = pingEvery
	o.Sentinel.Dialer = o.Dialer
	o.ConnWriteTimeout = answerTimeout
	o.PipelineMultiplex = -1 // one connection keeps the order
	o.BlockingPipeline = -1  // also for long batches
	o.DisableCache = true
	o.DisableRetry = true // what is tried again, and for how long, is decided here
	o.RingScaleEachConn = 8
	o.ReadBufferEachConn = 64 << 10
	o.WriteBufferEachConn = 64 << 10
	o.ClientSetInfo = rueidis.DisableClientSetInfo
	o.ClientName = clientName(c.Name)
	return p, nil
}

// clientName is how a node is listed by CLIENT LIST, where spaces and odd letters are not allowed.
func clientName(name string) string {
	return "gannet-" + strings.Map(func(r rune) rune {
		if r <= ' ' || r > '~' {
			return '_'
		}
		return r
	}, name)
}

func (c *Config) tls() (*tls.Config, error) {
	t := &tls.Config{MinVersion: tls.VersionTLS12}
	if c.CAFile != "" {
		pem, err := os.ReadFile(c.CAFile)
		if err != nil {
			return nil, fmt.Errorf("redisbus: %w", err)
		}
		t.RootCAs = x509.NewCertPool()
		if !t.RootCAs.AppendCertsFromPEM(pem) {
			return nil, fmt.Errorf("redisbus: %s holds no certificate", c.CAFile)
		}
	}
	if c.CertFile != "" || c.KeyFile != "" {
		pair, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
		if err != nil {
			return nil, fmt.Errorf("redisbus: %w", err)
		}
		var mu sync.Mutex // the library opens several connections at once
		t.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			// Read for each connection, so that it can change; one that cannot be read is half written, or the change went wrong.
			fresh, err := tls.LoadX509KeyPair(c.CertFile, c.KeyFile)
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				pair = fresh
			}
			last := pair
			return &last, nil
		}
	}
	return t, nil
}

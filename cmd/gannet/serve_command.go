package main

type serveCommand struct {
	Config string `short:"c" placeholder:"FILE" env:"GANNET_CONFIG" help:"Configuration file."`
	Dev    bool   `help:"Add the development app: id app-id, key app-key, secret app-secret. Everybody knows it, so listen on 127.0.0.1:6001 unless configured."`

	DevTLS bool `name:"dev-tls" help:"With --dev, also serve TLS with a certificate made for it, which no client trusts by itself; kept in --data-dir if there is one."`

	Listen      *string `placeholder:"ADDR" help:"Public address for WebSocket and HTTP; unless configured :6001, with --dev 127.0.0.1:6001 ($GANNET_LISTEN)."`
	AdminListen *string `placeholder:"ADDR" help:"Address of the console, its API, metrics and profiles; 127.0.0.1:9601 unless configured ($GANNET_ADMIN_LISTEN)."`
	RestListen  *string `placeholder:"ADDR" help:"One more address, for the HTTP API alone ($GANNET_REST_LISTEN)."`
	PathPrefix  *string `placeholder:"PATH" help:"Serve below this path, such as /realtime ($GANNET_PATH_PREFIX)."`
	DataDir     *string `placeholder:"DIR" help:"Directory for what must survive the process; unless configured nothing is written ($GANNET_DATA_DIR)."`
	Compression *string `name:"websocket-compression" placeholder:"on|off" help:"permessage-deflate with clients that offer it; off unless configured ($GANNET_WEBSOCKET_COMPRESSION)."`
	DrainWindow *string `placeholder:"TIME" help:"Time over which clients are asked to leave at shutdown ($GANNET_DRAIN_WINDOW)."`
	Loops       *string `placeholder:"N" help:"Event loops; unless configured all processors but one up to four of them, else all ($GANNET_LOOPS)."`

	ClusterDriver      *string `placeholder:"DRIVER" help:"What connects this node with others: none, nats or redis; none unless configured ($GANNET_CLUSTER_DRIVER)."`
	ClusterNode        *string `placeholder:"NAME" help:"Name of this node, which no other has ($GANNET_CLUSTER_NODE)."`
	ClusterNATSListen  *string `name:"cluster-nats-listen" placeholder:"ADDR" help:"Where other nodes reach the NATS server inside this one ($GANNET_CLUSTER_NATS_LISTEN)."`
	ClusterNATSRoutes  *string `name:"cluster-nats-routes" placeholder:"ADDR,…" help:"Those addresses of the nodes that keep data: 1, 3 or 5 ($GANNET_CLUSTER_NATS_ROUTES)."`
	ClusterNATSAddress *string `name:"cluster-nats-address" placeholder:"ADDR" help:"Which of the routes is this node, where that is not seen ($GANNET_CLUSTER_NATS_ADDRESS)."`
	ClusterNATSURLs    *string `name:"cluster-nats-urls" placeholder:"URL,…" help:"NATS servers to use instead of those inside ($GANNET_CLUSTER_NATS_URLS)."`
	ClusterRedisURL    *string `name:"cluster-redis-url" placeholder:"URL" help:"Redis server ($GANNET_CLUSTER_REDIS_URL, which does not show the password in the list of processes)."`

	LogLevel  *string `placeholder:"LEVEL" help:"debug, info, warn or error ($GANNET_LOG_LEVEL)."`
	LogFormat *string `placeholder:"FORMAT" help:"text or json ($GANNET_LOG_FORMAT)."`
}

// Help is shown by "gannet serve --help" between the summary and the flags.
func (*serveCommand) Help() string {
	return `A flag wins over the environment, the environment over the file, the file over the default. Every key
outside "apps:" has a variable: GANNET_ and its path, as in GANNET_LIMITS_CONNECTIONS=100000. One app
can do without a file: GANNET_APP_ID, GANNET_APP_KEY, GANNET_APP_SECRET.

SIGTERM or Ctrl-C drains: no new connections, clients are asked to reconnect elsewhere, then exit 0.
SIGHUP reads certificates again, which also happens by itself when they change.

Examples:

  gannet serve --dev
  gannet serve --config gannet.yaml
  gannet serve -c gannet.yaml --listen 127.0.0.1:8080 --log-level debug
  GANNET_APP_ID=1 GANNET_APP_KEY=k GANNET_APP_SECRET=s gannet serve`
}

// flags returns the flags for settings, by the path each sets; nil: not given.
func (s *serveCommand) flags() map[string]*string {
	return map[string]*string{
		"listen":                s.Listen,
		"admin.listen":          s.AdminListen,
		"rest.listen":           s.RestListen,
		"path_prefix":           s.PathPrefix,
		"websocket.compression": s.Compression,
		"data_dir":              s.DataDir,
		"drain_window":          s.DrainWindow,
		"loops":                 s.Loops,
		"cluster.driver":        s.ClusterDriver,
		"cluster.node":          s.ClusterNode,
		"cluster.nats.listen":   s.ClusterNATSListen,
		"cluster.nats.routes":   s.ClusterNATSRoutes,
		"cluster.nats.address":  s.ClusterNATSAddress,
		"cluster.nats.urls":     s.ClusterNATSURLs,
		"cluster.redis.url":     s.ClusterRedisURL,
		"log.level":             s.LogLevel,
		"log.format":            s.LogFormat,
	}
}

// Run loads the configuration and serves until the terminal says stop.
func (s *serveCommand) Run(t *terminal) error {
	given := make(map[string]string)
	for path, text := range s.flags() {
		if text != nil {
			given[path] = *text
		}
	}
	cfg, err := Load(Sources{File: s.Config, Environ: t.environ, Flags: given, Dev: s.Dev, DevTLS: s.DevTLS})
	if err != nil {
		return err
	}
	cfg.Program = t.program
	log := cfg.Logger(t.errOut)
	for _, warning := range cfg.Warnings {
		log.Warn(warning)
	}
	return serve(t.ctx, cfg, log, t.out)
}

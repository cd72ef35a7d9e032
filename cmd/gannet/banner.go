package main

import (
	"cmp"
	"io"
	"net"
	"net/netip"
	"path/filepath"
	"strings"
	"text/template"
)

// bannerText is what a person who has just started a development server needs next. The
// shell function signs anew on each call, since a signature is good for a few minutes only.
var bannerText = template.Must(template.New("banner").Parse(`
Gannet is ready for development at {{.URL}}
{{- if .Open}}
Whoever reaches this machine can use it; --listen 127.0.0.1:{{.Port}} keeps it to yourself.
{{- end}}
{{- if .TLS}}
TLS is spoken on the same port ({{.TLS}}), by a certificate that clients must be told to trust{{with .CertFile}}: {{.}}{{end}}
{{- end}}
{{- if .Demos}}

Six demos, with their sources: {{.URL}}/
{{- end}}

  app id  {{.ID}}
  key     {{.Key}}
  secret  {{.Secret}}

Two terminals:

  {{.Program}} subscribe{{.Flag}} my-channel
  {{.Program}} publish{{.Flag}} my-channel my-event hello

Browser:

  <script src="https://js.pusher.com/8.4.0/pusher.min.js"></script>
  <script>
    const pusher = new Pusher('{{.Key}}', {
      wsHost: '{{.Host}}', wsPort: {{.Port}},{{with .Prefix}} wsPath: '{{.}}',{{end}} forceTLS: false,
      enabledTransports: ['ws', 'wss'], cluster: '',
    });
    pusher.subscribe('my-channel').bind('my-event', data => console.log(data));
  </script>
{{- if not .Prefix}}

Node (npm install pusher):

  const Pusher = require('pusher');
  new Pusher({ appId: '{{.ID}}', key: '{{.Key}}', secret: '{{.Secret}}', host: '{{.Host}}', port: '{{.Port}}', useTLS: false })
    .trigger('my-channel', 'my-event', { hello: 'world' });
{{- end}}

curl, as a shell function that signs:

  {{.Shell}}
  publish my-channel my-event hello

`))

// shellText defines publish CHANNEL EVENT DATA for a POSIX shell with openssl and curl.
// The signed path is without the prefix.
var shellText = template.Must(template.New("shell").Parse(strings.Join([]string{
	`publish() {`,
	`b="{\"name\":\"$2\",\"channels\":[\"$1\"],\"data\":\"$(printf %s "$3" | sed 's/[\\"]/\\&/g')\"}";`,
	`q="auth_key={{.Key}}&auth_timestamp=$(date +%s)&auth_version=1.0&body_md5=$(printf %s "$b" | openssl md5 -r | cut -d' ' -f1)";`,
	`s=$(printf 'POST\n/apps/{{.ID}}/events\n%s' "$q" | openssl sha256 -hmac '{{.Secret}}' -r | cut -d' ' -f1);`,
	`curl -sS -H 'Content-Type: application/json' -d "$b" "{{.URL}}/apps/{{.ID}}/events?$q&auth_signature=$s";`,
	`}`,
}, " ")))

// bannerFields are the holes of bannerText and shellText.
type bannerFields struct {
	Program                 string // as a shell takes it
	URL, Host, Port, Prefix string
	ID, Key, Secret         string
	Flag                    string // --url, unless the client commands find the server by themselves
	Open                    bool   // other machines can connect
	TLS                     string // the URL over TLS, if that was asked for
	CertFile                string // of the certificate, if it is in one
	Demos                   bool   // they are served
	Shell                   string
}

// writeBanner prints how to use the development app on a server whose public listener has
// the address public. It prints nothing unless --dev was given and the development app has
// the secret that everybody knows: no other secret is ever shown.
func writeBanner(w io.Writer, cfg *Config, public net.Addr) error {
	if !cfg.Dev || !cfg.hasKnownDevApp() {
		return nil
	}
	f := bannerFields{Program: quoted(cmp.Or(cfg.Program, "gannet")), ID: devAppID, Key: devKey, Secret: devSecret, Prefix: cfg.PathPrefix}
	f.Demos = cfg.demoApp(cfg.Registered()) != nil
	f.Host, f.Port, _ = net.SplitHostPort(public.String())
	if ip, err := netip.ParseAddr(f.Host); err == nil {
		f.Open = !ip.IsLoopback()
		if ip.IsUnspecified() {
			f.Host = "127.0.0.1"
		}
	}
	f.URL = "http://" + net.JoinHostPort(f.Host, f.Port) + f.Prefix
	if cfg.DevTLS {
		f.TLS = "https" + strings.TrimPrefix(f.URL, "http")
		if cfg.DataDir != "" {
			f.CertFile = filepath.Join(cfg.DataDir, devFile)
		}
	}
	if f.URL != defaultURL {
		f.Flag = " --url " + f.URL
	}
	var shell strings.Builder
	if err := shellText.Execute(&shell, f); err != nil {
		return err
	}
	f.Shell = shell.String()
	return bannerText.Execute(w, f)
}

// quoted returns word as a POSIX shell takes it.
func quoted(word string) string {
	plain := func(c rune) bool {
		return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || strings.ContainsRune("-._/+:@%", c)
	}
	if !strings.ContainsFunc(word, func(c rune) bool { return !plain(c) }) {
		return word
	}
	return "'" + strings.ReplaceAll(word, "'", `'\''`) + "'"
}

func (c *Config) hasKnownDevApp() bool {
	for i := range c.Apps {
		a := &c.Apps[i]
		if a.ID == devAppID && a.Key == devKey && a.Secret == devSecret {
			return true
		}
	}
	return false
}

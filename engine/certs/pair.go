package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"
)

// A Pair names the files of one certificate, both PEM: Cert with the chain, its own certificate
// first, and Key with the private key, which may be the same file.
type Pair struct{ Cert, Key string }

// A PairError says what is wrong with which file of a pair. It never holds what is in a key.
type PairError struct {
	File string // Cert or Key of the Pair
	Key  bool   // it is the key's
	Err  error
}

func (e *PairError) Error() string { return e.File + ": " + e.Err.Error() }
func (e *PairError) Unwrap() error { return e.Err }

// A Loaded is a pair as it was read.
type Loaded struct {
	Certificate tls.Certificate // with its Leaf
	digest      [sha256.Size]byte
}

// Load reads a pair. The error is a *PairError. May block on the files.
func (p Pair) Load() (*Loaded, error) {
	chain, err := os.ReadFile(p.Cert)
	if err != nil {
		return nil, &PairError{File: p.Cert, Err: plain(err)}
	}
	key, err := os.ReadFile(p.Key)
	if err != nil {
		return nil, &PairError{File: p.Key, Key: true, Err: plain(err)}
	}
	return p.parse(chain, key)
}

// plain takes the path, which the caller tells, out of an error.
func plain(err error) error {
	var path *os.PathError
	if errors.As(err, &path) {
		return path.Err
	}
	return err
}

func digestOf(chain, key []byte) [sha256.Size]byte {
	one, other := sha256.Sum256(chain), sha256.Sum256(key)
	return sha256.Sum256(append(one[:], other[:]...))
}

func (p Pair) parse(chain, key []byte) (*Loaded, error) {
	if !holds(chain, "CERTIFICATE") {
		return nil, &PairError{File: p.Cert, Err: errors.New("holds no certificate in PEM")}
	}
	if !holds(key, "PRIVATE KEY") {
		return nil, &PairError{File: p.Key, Key: true, Err: errors.New("holds no private key in PEM that is not encrypted")}
	}
	cert, err := tls.X509KeyPair(chain, key)
	if err != nil {
		// crypto/tls tells apart what is wrong in words alone.
		text := strings.TrimPrefix(err.Error(), "tls: ")
		if strings.Contains(text, "private key") {
			return nil, &PairError{File: p.Key, Key: true, Err: fmt.Errorf("does not go with %s: %s", p.Cert, text)}
		}
		return nil, &PairError{File: p.Cert, Err: errors.New(text)}
	}
	if cert.Leaf == nil {
		if cert.Leaf, err = x509.ParseCertificate(cert.Certificate[0]); err != nil {
			return nil, &PairError{File: p.Cert, Err: err}
		}
	}
	return &Loaded{Certificate: cert, digest: digestOf(chain, key)}, nil
}

// holds reports whether text has a PEM block of a type that ends in kind.
func holds(text []byte, kind string) bool {
	for len(bytes.TrimSpace(text)) > 0 {
		var block *pem.Block
		if block, text = pem.Decode(text); block == nil {
			return false
		}
		if block.Type == kind || strings.HasSuffix(block.Type, " "+kind) && block.Type != "ENCRYPTED "+kind {
			return true
		}
	}
	return false
}

// Names returns what the certificate is for: names, wildcards and addresses.
func (l *Loaded) Names() []string {
	names := append([]string(nil), l.Certificate.Leaf.DNSNames...)
	for _, ip := range l.Certificate.Leaf.IPAddresses {
		names = append(names, ip.String())
	}
	return names
}

// Expires returns when the certificate is no longer valid.
func (l *Loaded) Expires() time.Time { return l.Certificate.Leaf.NotAfter }

// Doubt returns what clients will object to at time now, "" when it is nothing that a look at
// the certificate shows.
func (l *Loaded) Doubt(now time.Time) string {
	leaf := l.Certificate.Leaf
	switch {
	case now.After(leaf.NotAfter):
		return "expired on " + leaf.NotAfter.UTC().Format(time.DateTime) + " UTC"
	case now.Before(leaf.NotBefore):
		return "is not valid before " + leaf.NotBefore.UTC().Format(time.DateTime) + " UTC"
	case len(l.Names()) == 0:
		return "names no host (subjectAltName)"
	}
	return ""
}

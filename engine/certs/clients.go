package certs

import (
	"bytes"
	"crypto/sha256"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
)

// clientPool is who vouches for clients. Immutable.
type clientPool struct {
	pool   *x509.CertPool
	digest [sha256.Size]byte
}

// readClients reads Config.ClientCA and returns whether it is new.
func (s *Store) readClients() (fresh bool, err error) {
	text, err := os.ReadFile(s.cfg.ClientCA)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.cfg.ClientCA, plain(err))
	}
	digest := sha256.Sum256(bytes.TrimSpace(text))
	if old := s.clients.Load(); old != nil && old.digest == digest {
		return false, nil
	}
	pool, err := poolOf(text)
	if err != nil {
		return false, fmt.Errorf("%s: %w", s.cfg.ClientCA, err)
	}
	s.clients.Store(&clientPool{pool, digest})
	return true, nil
}

// CheckClientCA says what is wrong with a file of authorities. May block on it.
func CheckClientCA(path string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return plain(err)
	}
	_, err = poolOf(text)
	return err
}

func poolOf(text []byte) (*x509.CertPool, error) {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		return nil, errors.New("holds no certificate in PEM")
	}
	return pool, nil
}

// verifyClient lets in who shows a certificate that is vouched for now. It is called for sessions that are resumed as well, so that an
// authority which was taken away is of no use any more; crypto/tls would do without for those.
func (s *Store) verifyClient(state tls.ConnectionState) error {
	if len(state.PeerCertificates) == 0 {
		return errors.New("certs: the client shows no certificate")
	}
	others := x509.NewCertPool()
	for _, c := range state.PeerCertificates[1:] {
		others.AddCert(c)
	}
	_, err := state.PeerCertificates[0].Verify(x509.VerifyOptions{
		Roots: s.clients.Load().pool, Intermediates: others, CurrentTime: s.cfg.Now(), KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	})
	return err
}

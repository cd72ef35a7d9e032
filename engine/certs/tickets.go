package certs

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"time"
)

// ticketPeriod is how long one key makes tickets. pastPeriods and one to come are accepted
// besides: crypto/tls makes tickets that are good for a week, and clocks differ.
const (
	ticketPeriod = 24 * time.Hour
	pastPeriods  = 7
)

// minSecret is the least number of bytes in a secret.
const minSecret = 32

// parseSecrets reads one secret a line, in hexadecimal digits, the newest first. Empty lines
// and those that begin with # do not count. The error holds nothing of a secret.
func parseSecrets(text []byte) ([][]byte, error) {
	var secrets [][]byte
	n := 0
	for line := range bytes.Lines(text) {
		n++
		if line = bytes.TrimSpace(line); len(line) == 0 || line[0] == '#' {
			continue
		}
		secret := make([]byte, hex.DecodedLen(len(line)))
		if _, err := hex.Decode(secret, line); err != nil || len(secret) < minSecret {
			return nil, fmt.Errorf("line %d: want at least %d hexadecimal digits, as openssl rand -hex %d prints", n, 2*minSecret, minSecret)
		}
		secrets = append(secrets, secret)
	}
	if len(secrets) == 0 {
		return nil, errors.New("holds no secret")
	}
	return secrets, nil
}

// ticketKeys derives the keys that hold at time now: the first makes tickets, all open them.
func ticketKeys(secrets [][]byte, now time.Time) ([][32]byte, error) {
	period := now.Unix() / int64(ticketPeriod/time.Second)
	var keys [][32]byte
	for _, secret := range secrets {
		for _, p := range periods(period) {
			derived, err := hkdf.Key(sha256.New, secret, nil, "gannet session ticket key "+string(binary.BigEndian.AppendUint64(nil, uint64(p))), 32)
			if err != nil {
				return nil, err
			}
			keys = append(keys, [32]byte(derived))
		}
	}
	return keys, nil
}

// periods returns the present one, the next, and the past ones.
func periods(present int64) []int64 {
	all := []int64{present, present + 1}
	for i := range int64(pastPeriods) {
		all = append(all, present-1-i)
	}
	return all
}

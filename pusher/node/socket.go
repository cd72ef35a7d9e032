package node

import (
	"hash/maphash"
	"math/rand/v2"
	"strconv"
	"strings"

	"github.com/gannet-io/gannet/engine"
	"github.com/gannet-io/gannet/pusher"
)

// sockets mints socket IDs, and reads the conn out of one. An ID is two numbers below 2^53
// joined by a dot: a random one, that makes it new for ever and on every node, of which 16 bits are the process's own; and the conn's
// engine.ID under a permutation that only this process knows. So leaving a publisher's own
// connection out of a fan-out needs no table of a million strings; another node's ID, or an
// invented one, decodes to a conn that as good as never exists.
type sockets struct {
	seed  maphash.Seed
	stamp uint16
}

func newSockets() sockets { return sockets{maphash.MakeSeed(), uint16(rand.Uint32())} }

const (
	halfBits = 26 // two halves make the 52 bits of an engine.ID
	halfMask = 1<<halfBits - 1
	rounds   = 6
)

// SocketID returns a new public name for a conn. Any goroutine.
func (n *Node) SocketID(id engine.ID) pusher.SocketID {
	return pusher.SocketID{First: uint64(n.sockets.stamp)<<stampShift | rand.Uint64N(1<<stampShift), Second: n.sockets.permute(uint64(id))}
}

// stampShift is where in the first number of a socket ID the process's stamp is.
const stampShift = 32

// Stamp is in all socket IDs of this process, and by chance in those of one in 65,536 others. Any goroutine.
func (n *Node) Stamp() uint16 { return n.sockets.stamp }

// StampOf returns the stamp of the process that made a socket ID, if it is one.
func StampOf(socketID string) (stamp uint16, ok bool) {
	if !pusher.ValidSocketID(socketID) {
		return 0, false
	}
	first, _, _ := strings.Cut(socketID, ".")
	x, err := strconv.ParseUint(first, 10, 64)
	return uint16(x >> stampShift), err == nil && x < 1<<(stampShift+16)
}

// parse returns the conn that a socket ID names, or 0. It need not exist.
func (s sockets) parse(socketID string) engine.ID {
	_, second, ok := strings.Cut(socketID, ".")
	if !ok {
		return 0
	}
	x, err := strconv.ParseUint(second, 10, 64)
	if err != nil || x >= 1<<(2*halfBits) {
		return 0
	}
	return engine.ID(s.restore(x))
}

// ConnOf returns the conn that a socket ID names, or 0. It may be gone, or have another ID: whoever made the text up does not know
// the random half. Any goroutine.
func (n *Node) ConnOf(socketID string) engine.ID { return n.sockets.parse(socketID) }

// permute is a Feistel network with a keyed hash as its round function.
func (s sockets) permute(x uint64) uint64 {
	left, right := x>>halfBits, x&halfMask
	for i := range uint64(rounds) {
		left, right = right, left^s.round(i, right)
	}
	return left<<halfBits | right
}

// restore is the inverse of permute.
func (s sockets) restore(x uint64) uint64 {
	left, right := x>>halfBits, x&halfMask
	for i := uint64(rounds); i > 0; i-- {
		left, right = right^s.round(i-1, left), left
	}
	return left<<halfBits | right
}

func (s sockets) round(i, half uint64) uint64 {
	return maphash.Comparable(s.seed, i<<halfBits|half) & halfMask
}

package plan

import "time"

// Message returns the channel and the number within its stream of a publisher's n-th message.
//
// With at least as many channels as publishers, publisher p has the channels p, p+P, p+2P, … to
// itself and visits them in turn. With fewer, it has one channel, p mod C, which it shares.
func (p *Plan) Message(publisher int, n uint64) (channel int, seq uint32) {
	own := p.ownChannels(publisher)
	if own == 0 {
		return publisher % p.Channels, uint32(n)
	}
	return publisher + p.Publishers*int(n%own), uint32(n / own)
}

// Number is the inverse of Message: which of its messages the publisher sent on the channel as
// number seq of that stream.
func (p *Plan) Number(publisher, channel int, seq uint32) uint64 {
	own := p.ownChannels(publisher)
	if own == 0 {
		return uint64(seq)
	}
	return uint64(seq)*own + uint64((channel-publisher)/p.Publishers)
}

// ownChannels returns how many channels the publisher has to itself, 0 when it shares one.
func (p *Plan) ownChannels(publisher int) uint64 {
	if p.Publishers > p.Channels {
		return 0
	}
	return uint64((p.Channels-publisher-1)/p.Publishers + 1)
}

// Streams returns the most streams that one channel has.
func (p *Plan) Streams() int {
	if p.Publishers <= p.Channels {
		return 1
	}
	return (p.Publishers + p.Channels - 1) / p.Channels
}

// Stream returns which of its channel's streams a publisher feeds, below Streams.
func (p *Plan) Stream(publisher int) int {
	if p.Publishers <= p.Channels {
		return 0
	}
	return publisher / p.Channels
}

// Due returns when a publisher's n-th message is to be sent, counted from the start of the run.
//
// The messages of all publishers form one sequence at Rate, dealt out in turn; Burst of them at a
// time fall due together. The schedule depends on nothing that happens: a message held up by
// a slow server keeps its due time, from which its latency is measured. That is what keeps the
// percentiles free of coordinated omission.
func (p *Plan) Due(publisher int, n uint64) time.Duration {
	m := n*uint64(p.Publishers) + uint64(publisher)
	m -= m % uint64(p.Burst)
	return time.Duration(float64(m) / p.Rate * 1e9)
}

// ChurnDue returns when the n-th churning conn of all is to be opened.
func (p *Plan) ChurnDue(n uint64) time.Duration {
	return time.Duration(float64(n) / p.ChurnRate * 1e9)
}

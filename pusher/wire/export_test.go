package wire

// Valid and ValidUTF8 open the gate to its tests.
var (
	Valid     = valid
	ValidUTF8 = validUTF8
)

// EscapeFrom is for its comparison with AppendQuoted.
var EscapeFrom = escapeFrom

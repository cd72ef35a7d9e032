package live

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode/utf8"
)

// Text returns the data of an event that has come from a Watcher as clients read it, cut to about most bytes.
func (e *Event) Text(most int) string {
	text := string(e.Data)
	if len(e.Data) > 0 && e.Data[0] == '"' {
		text = decoded(e.Data)
	}
	if len(text) <= most {
		return strings.ToValidUTF8(text, "\uFFFD")
	}
	text = text[:most]
	for i := 0; i < utf8.UTFMax && !utf8.ValidString(text[max(0, len(text)-utf8.UTFMax):]); i++ {
		text = text[:len(text)-1]
	}
	return strings.ToValidUTF8(text, "\uFFFD")
}

// decoded returns the text of a JSON string token that may have been cut off.
func decoded(token []byte) string {
	var text string
	if json.Unmarshal(token, &text) == nil {
		return text
	}
	// Two escapes may make one character, and take twelve bytes.
	for cut := len(token); cut > 0 && cut > len(token)-12-utf8.UTFMax; cut-- {
		if json.Unmarshal(append(bytes.Clone(token[:cut]), '"'), &text) == nil && !strings.HasSuffix(text, "\uFFFD") {
			return text
		}
	}
	return ""
}

package auth

import (
	"slices"
	"strings"
)

// maxParams bounds the work one query can cause. The official libraries send at most seven.
const maxParams = 64

// param is one decoded parameter. Its strings are parts of one string per request.
type param struct {
	key   string // lower case
	value string
	at    int // position in the query
}

// Params are the decoded query parameters of an authentic request, without body_md5 and those of the signature.
//
// Names are in lower case, as they are signed; those that begin with auth_ belong to the signature. The zero value has none. Strings taken out of it may be kept; Params
// itself is borrowed from the Verifier until its next Check.
type Params struct {
	list []param // sorted by key; of one key in order of arrival
}

// Get returns the parameter name. When it came as an array (name[], or PHP's name[0], name[1]), its elements are
// joined by commas, which is how every attribute that may be an array is written as one value.
func (p Params) Get(name string) (value string, ok bool) {
	for _, one := range p.list {
		if one.key == name {
			return one.value, true
		}
	}
	all := p.All(name)
	return strings.Join(all, ","), len(all) > 0
}

// All returns every value of name in order of arrival, whether it came plain, as name[] or as PHP's name[0], name[1].
func (p Params) All(name string) []string {
	var found []param
	for _, one := range p.list {
		if base, _ := arrayName(one.key); base == name {
			found = append(found, one)
		}
	}
	slices.SortFunc(found, byArrival)
	var values []string
	for _, one := range found {
		values = append(values, one.value)
	}
	return values
}

func byArrival(a, b param) int { return a.at - b.at }

func byKey(a, b param) int { return strings.Compare(a.key, b.key) }

// arrayName returns the name before "[]" or "[123]"; index tells the second from the first. Any other key is its own
// name.
func arrayName(key string) (name string, index bool) {
	inside, ok := strings.CutSuffix(key, "]")
	if !ok {
		return key, false
	}
	name, inside, ok = strings.Cut(inside, "[")
	if !ok {
		return key, false
	}
	for _, c := range []byte(inside) {
		if c < '0' || c > '9' {
			return key, false
		}
	}
	return name, inside != ""
}

// parseQuery splits and decodes query into v.params, sorted by key.
//
// It splits at '&' only: url.ParseQuery drops every pair with a raw ';', which is a legal letter of channel names. A
// raw '+' stays one, since the text that was signed is not escaped and no legal parameter has a blank.
//
// Departs: a '&' or line feed that was escaped is refused, and so is an escaped '=' in a key. The signed text is not
// escaped, so "a=1&b=2" and "a=1%26b%3D2" have one signature, and whoever saw the first could send the second.
func (v *Verifier) parseQuery(query []byte) *Error {
	v.params = v.params[:0]
	v.text = v.text[:0]
	if len(query) == 0 {
		return nil
	}
	// Everything is decoded into one buffer and becomes one string: no more garbage than that, and what callers keep
	// does not share memory with the server's request buffer.
	for i := 0; i < len(query); i++ {
		c := query[i]
		if c == '%' {
			if i+2 >= len(query) {
				return errEscape
			}
			high, low := unhex(query[i+1]), unhex(query[i+2])
			if high > 15 || low > 15 {
				return errEscape
			}
			c = high<<4 | low
			i += 2
			switch c {
			case '&', '\n':
				return errAmbiguous
			case '=':
				// Legal in values only, which are what stands behind the first raw '='.
				if !v.inValue() {
					return errAmbiguous
				}
			}
		}
		v.text = append(v.text, c)
	}
	for text := string(v.text); text != ""; {
		var pair string
		pair, text, _ = strings.Cut(text, "&")
		if pair == "" {
			continue
		}
		if len(v.params) == maxParams {
			return errTooManyParams
		}
		key, value, _ := strings.Cut(pair, "=")
		// ToLower returns key itself when there is nothing to change, which is nearly always.
		v.params = append(v.params, param{strings.ToLower(key), value, len(v.params)})
	}
	return v.sortParams()
}

// inValue reports whether the pair being decoded has had its first '='.
func (v *Verifier) inValue() bool {
	for i := len(v.text) - 1; i >= 0 && v.text[i] != '&'; i-- {
		if v.text[i] == '=' {
			return true
		}
	}
	return false
}

// sortParams sorts by key and refuses a key that came twice, unless it is of the form name[].
func (v *Verifier) sortParams() *Error {
	slices.SortStableFunc(v.params, byKey)
	for i := 1; i < len(v.params); i++ {
		if key := v.params[i].key; key == v.params[i-1].key && !strings.HasSuffix(key, "[]") {
			return errDuplicate(key)
		}
	}
	return nil
}

// joinIndexes returns params with the elements of each name[0], name[1] … joined by commas, in order of arrival, as the
// one parameter name. It is off the common path and makes a list of its own.
func joinIndexes(params []param) []param {
	params = slices.SortedFunc(slices.Values(params), byArrival)
	var joined []param
	for _, p := range params {
		name, index := arrayName(p.key)
		if !index {
			joined = append(joined, p)
			continue
		}
		i := slices.IndexFunc(joined, func(q param) bool { return q.key == name })
		if i < 0 {
			joined = append(joined, param{name, p.value, p.at})
			continue
		}
		joined[i].value += "," + p.value
	}
	slices.SortStableFunc(joined, byKey)
	return joined
}

// find returns the parameter with exactly this key.
func (v *Verifier) find(key string) (value string, ok bool) {
	for _, p := range v.params {
		if p.key == key {
			return p.value, true
		}
	}
	return "", false
}

func unhex(c byte) byte {
	switch {
	case '0' <= c && c <= '9':
		return c - '0'
	case 'a' <= c && c <= 'f':
		return c - 'a' + 10
	case 'A' <= c && c <= 'F':
		return c - 'A' + 10
	}
	return 255
}

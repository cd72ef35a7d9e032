package main

import (
	"fmt"
	"math"
	"reflect"
	"strconv"
	"strings"
	"time"
)

// setText parses text as the field's type says and stores it in value. It is the one
// reading of scalars, whether they come from the file, the environment or a flag.
//
// The error is a phrase to follow the key's name. It quotes text, except for a Secret.
func setText(field reflect.StructField, value reflect.Value, text string) error {
	switch typeName(field) {
	case "duration":
		d, err := time.ParseDuration(text)
		if err != nil {
			return fmt.Errorf("want a duration such as 30s or 2m, got %q", text)
		}
		if d < 0 {
			return fmt.Errorf("must not be negative, got %q", text)
		}
		value.SetInt(int64(d))
	case "bytes":
		n, err := parseBytes(text)
		if err != nil {
			return err
		}
		value.SetInt(int64(n))
	case "number":
		n, err := strconv.Atoi(text)
		if err != nil {
			return fmt.Errorf("want a whole number, got %q", text)
		}
		if n < 0 {
			return fmt.Errorf("must not be negative, got %q", text)
		}
		value.SetInt(int64(n))
	case "bool":
		if value.Kind() == reflect.Pointer { // one that may be left open
			value.Set(reflect.New(value.Type().Elem()))
			value = value.Elem()
		}
		switch strings.ToLower(text) {
		case "true":
			value.SetBool(true)
		case "false":
			value.SetBool(false)
		default:
			return fmt.Errorf("want true or false, got %q", text)
		}
	case "share":
		f, err := strconv.ParseFloat(text, 64)
		if err != nil || !(f >= 0 && f <= 1) {
			return fmt.Errorf("want a number from 0 to 1, such as 0.01, got %q", text)
		}
		value.SetFloat(f)
	case "names and values":
		pairs, err := parsePairs(text)
		if err != nil {
			return err
		}
		value.Set(reflect.ValueOf(pairs))
	case "list of text":
		value.Set(reflect.ValueOf(splitList(text)))
	case "addresses":
		value.Set(reflect.ValueOf(at(splitList(text)...)))
	default:
		value.SetString(text)
	}
	return nil
}

// parsePairs reads names and values in a variable. The error quotes none of them.
func parsePairs(text string) (Headers, error) {
	pairs := make(Headers)
	for i, item := range splitList(text) {
		name, value, ok := strings.Cut(item, "=")
		if name = strings.TrimSpace(name); !ok || name == "" {
			return nil, fmt.Errorf("want NAME=VALUE, with a comma between two, and number %d is none", i+1)
		}
		pairs[name] = Secret(strings.TrimSpace(value))
	}
	return pairs, nil
}

// splitList reads the list in a variable or flag: in the file a list is a list.
func splitList(text string) (list []string) {
	for item := range strings.SplitSeq(text, ",") {
		if item = strings.TrimSpace(item); item != "" {
			list = append(list, item)
		}
	}
	return list
}

var byteUnits = []struct {
	suffix string
	shift  int
}{{"KiB", 10}, {"MiB", 20}, {"GiB", 30}}

// largestBytes is more than anybody means, and on small machines what a number can hold.
const largestBytes = math.MaxInt & (512 << 30)

// parseBytes reads a size: a whole number of bytes, or one followed by KiB, MiB or GiB.
// Decimal units are refused rather than guessed at: to some kB is 1000, to some 1024.
func parseBytes(text string) (int, error) {
	digits, shift := text, 0
	for _, unit := range byteUnits {
		if rest, ok := strings.CutSuffix(text, unit.suffix); ok {
			digits, shift = strings.TrimRight(rest, " "), unit.shift
			break
		}
	}
	n, err := strconv.Atoi(digits)
	if err != nil {
		return 0, fmt.Errorf("want a size in bytes such as 65536 or 64KiB, got %q", text)
	}
	if n < 0 {
		return 0, fmt.Errorf("must not be negative, got %q", text)
	}
	if n > largestBytes>>shift {
		return 0, fmt.Errorf("must be at most 512GiB, got %q", text)
	}
	return n << shift, nil
}

// formatBytes writes n with the largest unit that divides it.
func formatBytes(n int) string {
	for i := len(byteUnits) - 1; i >= 0; i-- {
		if shift := byteUnits[i].shift; n != 0 && n%(1<<shift) == 0 {
			return strconv.Itoa(n>>shift) + byteUnits[i].suffix
		}
	}
	return strconv.Itoa(n)
}

// formatDuration writes d as short as Go reads it back: 2m, not 2m0s.
func formatDuration(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// formatValue writes a scalar as one would in the file.
func formatValue(field reflect.StructField, value reflect.Value) string {
	switch typeName(field) {
	case "duration":
		return formatDuration(time.Duration(value.Int()))
	case "bytes":
		return formatBytes(int(value.Int()))
	case "number":
		return strconv.FormatInt(value.Int(), 10)
	case "bool":
		if value.Kind() == reflect.Pointer {
			return ""
		}
		return strconv.FormatBool(value.Bool())
	case "share":
		return strconv.FormatFloat(value.Float(), 'g', -1, 64)
	case "list of text":
		list, _ := value.Interface().([]string)
		return "[" + strings.Join(list, ", ") + "]"
	case "names and values":
		return "{}"
	case "addresses":
		return value.Interface().(Listeners).String()
	}
	return value.String()
}

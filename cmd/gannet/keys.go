package main

import (
	"reflect"
	"strings"
	"time"
)

// A Key is one setting that can be written in the file.
type Key struct {
	Path    string // "limits.backlog_bytes", "apps[].keys[].secret"
	Type    string // text, bool, number, share, bytes, duration, list of text, names and values
	Default string // as one would write it in the file; "" for an empty text
	Env     string // "GANNET_LIMITS_BACKLOG_BYTES"; "" under apps
	Range   string // "1KiB-64KiB": what it may be besides 0; "" for anything
}

// Keys returns every setting of Config in the order of its fields. Settings of the whole
// process have an environment variable: GANNET_ and the path in capitals with "_" for ".".
func Keys() []Key {
	return collect(nil, "", reflect.ValueOf(DefaultConfig()).Elem())
}

func collect(keys []Key, prefix string, v reflect.Value) []Key {
	for i := range v.NumField() {
		field, value := v.Type().Field(i), v.Field(i)
		path := prefix + keyOf(field)
		switch {
		case keyOf(field) == "-" || !field.IsExported():
		case value.Kind() == reflect.Struct:
			keys = collect(keys, path+".", value)
		case value.Type() == reflect.TypeFor[Listeners]():
			keys = append(keys, Key{Path: path, Type: typeName(field), Default: formatValue(field, value), Env: envName(path)})
			keys = collect(keys, path+"[].", newElement(value.Type().Elem()))
		case value.Kind() == reflect.Slice && value.Type().Elem().Kind() == reflect.Struct:
			keys = collect(keys, path+"[].", newElement(value.Type().Elem()))
		default:
			k := Key{Path: path, Type: typeName(field), Default: formatValue(field, value), Range: field.Tag.Get("range")}
			if !strings.Contains(path, "[]") {
				k.Env = envName(path)
			}
			keys = append(keys, k)
		}
	}
	return keys
}

// newElement returns a settable value of a list's struct type with its defaults.
func newElement(t reflect.Type) reflect.Value {
	v := reflect.New(t).Elem()
	switch t {
	case reflect.TypeFor[AppConfig]():
		v.Set(reflect.ValueOf(DefaultApp()))
	case reflect.TypeFor[ChannelConfig]():
		v.Set(reflect.ValueOf(DefaultChannel()))
	case reflect.TypeFor[WebhookConfig]():
		v.Set(reflect.ValueOf(DefaultWebhook()))
	}
	return v
}

// keyOf returns the key of a field in the file.
func keyOf(field reflect.StructField) string { return field.Tag.Get("yaml") }

// childKeys returns the keys that may stand in a mapping decoded into t.
func childKeys(t reflect.Type) []string {
	var keys []string
	for i := range t.NumField() {
		if key := keyOf(t.Field(i)); key != "-" && t.Field(i).IsExported() {
			keys = append(keys, key)
		}
	}
	return keys
}

func envName(path string) string {
	return "GANNET_" + strings.ToUpper(strings.ReplaceAll(path, ".", "_"))
}

// fieldAt returns the setting of c at path, which Keys lists. It is nowhere in a list.
func fieldAt(c *Config, path string) (field reflect.StructField, value reflect.Value) {
	value = reflect.ValueOf(c).Elem()
	for key := range strings.SplitSeq(path, ".") {
		field, _ = fieldByKey(value.Type(), key)
		value = value.FieldByIndex(field.Index)
	}
	return field, value
}

func fieldByKey(t reflect.Type, key string) (reflect.StructField, bool) {
	for i := range t.NumField() {
		if field := t.Field(i); keyOf(field) == key && key != "-" && field.IsExported() {
			return field, true
		}
	}
	return reflect.StructField{}, false
}

// typeName returns the word for a field's type that messages and docs use.
func typeName(field reflect.StructField) string {
	switch {
	case field.Type == reflect.TypeFor[time.Duration]():
		return "duration"
	case field.Tag.Get("unit") == "bytes":
		return "bytes"
	case field.Type.Kind() == reflect.Bool, field.Type == reflect.TypeFor[*bool]():
		return "bool"
	case field.Type.Kind() == reflect.Float64:
		return "share"
	case field.Type.Kind() == reflect.Int:
		return "number"
	case field.Type == reflect.TypeFor[Listeners]():
		return "addresses"
	case field.Type == reflect.TypeFor[Headers]():
		return "names and values"
	case field.Type.Kind() == reflect.Slice:
		return "list of text"
	}
	return "text"
}

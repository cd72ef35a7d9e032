package main

import (
	"bytes"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// A reading is one strict pass over a configuration file. go-yaml parses the text into
// nodes; the reading maps them onto Config itself rather than by yaml.Strict, because it
// reports every problem and not the first, knows the nearest key, remembers where each
// value stood for the checks that follow, and never shows a line that may hold a secret.
type reading struct {
	file     string
	problems Problems
	where    map[string]string // place of each path that the file set: "apps[0].key" -> "f.yaml:3:5"
	anchors  map[string]anchor
}

// An anchor is a value named for aliases to repeat.
type anchor struct {
	node ast.Node
	open bool // being decoded: an alias to it now would never end
}

// read decodes text over c. Places are named file:line:column, columns counted in runes.
func (r *reading) read(c *Config, text []byte) {
	text = bytes.TrimPrefix(text, []byte("\ufeff"))
	if line := badUTF8(text); line > 0 {
		r.problems.add(fmt.Sprintf("%s:%d:1", r.file, line), "the line is not valid UTF-8")
		return
	}
	file, err := parser.ParseBytes(text, 0)
	if err != nil {
		r.syntax(err)
		return
	}
	for i, doc := range file.Docs {
		switch {
		case doc.Body == nil:
		case i > 0:
			r.problems.add(r.at(doc.Body), "a second document; the configuration is one")
		default:
			r.value(doc.Body, "", reflect.StructField{}, reflect.ValueOf(c).Elem())
		}
	}
}

// syntax reports a parser's error by its message and place alone: the excerpt that go-yaml
// would print may show a secret.
func (r *reading) syntax(err error) {
	var e yaml.Error
	if errors.As(err, &e) && e.GetToken() != nil {
		r.problems.add(r.place(e.GetToken()), "not YAML: %s", e.GetMessage())
		return
	}
	r.problems.add(r.file, "not YAML")
}

// value decodes node into v, which is the setting at path. field is v's, for its unit.
func (r *reading) value(node ast.Node, path string, field reflect.StructField, v reflect.Value) {
	if path != "" {
		r.where[path] = r.at(node)
	}
	switch n := node.(type) {
	case *ast.AnchorNode:
		name := n.Name.GetToken().Value
		r.anchors[name] = anchor{node: n.Value, open: true}
		r.value(n.Value, path, field, v)
		r.anchors[name] = anchor{node: n.Value}
		return
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		target, ok := r.anchors[name]
		if !ok || target.open {
			r.problems.add(r.at(n), "%s: nothing before this place is anchored as &%s", path, name)
			return
		}
		r.value(target.node, path, field, v)
		return
	case *ast.NullNode:
		r.null(n, path, v)
		return
	}
	switch {
	case v.Type() == reflect.TypeFor[ListenerConfig]():
		r.listener(node, path, v)
	case v.Kind() == reflect.Struct:
		r.mapping(node, path, v)
	case v.Type() == reflect.TypeFor[Headers]():
		r.headers(node, path, v)
	case v.Type() == reflect.TypeFor[Listeners]():
		r.listeners(node, path, field, v)
	case v.Kind() == reflect.Slice:
		r.list(node, path, field, v)
	default:
		r.scalar(node, path, field, v)
	}
}

func (r *reading) null(node ast.Node, path string, v reflect.Value) {
	switch {
	case path == "":
		// A file of comments alone.
	case v.Type() == reflect.TypeFor[Headers]():
		r.problems.add(r.at(node), "%s has no value; write {} for none, or remove the key", path)
	case v.Kind() == reflect.Slice:
		// An empty list of origins means "any": nobody should get that by leaving out lines.
		r.problems.add(r.at(node), "%s has no value; write [] for an empty list, or remove the key", path)
	default:
		r.problems.add(r.at(node), "%s has no value; give it one, or remove the key", path)
	}
}

func (r *reading) mapping(node ast.Node, path string, v reflect.Value) {
	entries, ok := entriesOf(node)
	if !ok {
		if path == "" {
			r.problems.add(r.at(node), "want keys such as \"listen:\", got %s", kindOf(node))
			return
		}
		r.problems.add(r.at(node), "%s: want keys below it, got %s", path, kindOf(node))
		return
	}
	seen := make(map[string]bool)
	for _, entry := range entries {
		if entry.Key.IsMergeKey() {
			r.problems.add(r.at(entry.Key), "merge keys (<<) are not supported; repeat the keys, or use an alias for a whole value")
			continue
		}
		key, ok := keyText(entry.Key)
		if !ok {
			r.problems.add(r.at(entry.Key), "want a key in plain text")
			continue
		}
		field, ok := fieldByKey(v.Type(), key)
		if !ok {
			r.unknown(entry.Key, key, path, v.Type())
			continue
		}
		if seen[key] {
			r.problems.add(r.at(entry.Key), "%s is set twice", join(path, key))
			continue
		}
		seen[key] = true
		if _, null := entry.Value.(*ast.NullNode); null {
			// There is nothing to point at but the key.
			r.null(entry.Key, join(path, key), v.FieldByIndex(field.Index))
			continue
		}
		r.value(entry.Value, join(path, key), field, v.FieldByIndex(field.Index))
	}
}

// entriesOf returns the entries of a mapping.
func entriesOf(node ast.Node) ([]*ast.MappingValueNode, bool) {
	switch n := node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	}
	return nil, false
}

// unknown reports a key that does not exist: with the one nearest to it in the same
// mapping, else with the place where the very same name is known.
func (r *reading) unknown(node ast.Node, key, path string, t reflect.Type) {
	where := "unknown key " + fmt.Sprintf("%q", key)
	if path != "" {
		where += " in " + path
	}
	if near := nearest(key, childKeys(t)); near != "" {
		r.problems.add(r.at(node), "%s; did you mean %q?", where, near)
		return
	}
	for _, known := range Keys() {
		if strings.HasSuffix(known.Path, "."+key) || known.Path == key {
			r.problems.add(r.at(node), "%s; there is %s", where, known.Path)
			return
		}
	}
	r.problems.add(r.at(node), "%s", where)
}

func (r *reading) list(node ast.Node, path string, field reflect.StructField, v reflect.Value) {
	n, ok := node.(*ast.SequenceNode)
	if !ok {
		r.problems.add(r.at(node), "%s: want a list, got %s", path, kindOf(node))
		return
	}
	list := reflect.MakeSlice(v.Type(), 0, len(n.Values))
	for i, item := range n.Values {
		element := newElement(v.Type().Elem())
		r.value(item, fmt.Sprintf("%s[%d]", path, i), reflect.StructField{Type: element.Type()}, element)
		list = reflect.Append(list, element)
	}
	v.Set(list)
}

// headers decodes a mapping whose keys are anybody's. Values are shown nowhere.
func (r *reading) headers(node ast.Node, path string, v reflect.Value) {
	entries, ok := entriesOf(node)
	if !ok {
		r.problems.add(r.at(node), "%s: want names and values, got %s", path, kindOf(node))
		return
	}
	headers := make(Headers, len(entries))
	for _, entry := range entries {
		name, ok := keyText(entry.Key)
		if !ok || entry.Key.IsMergeKey() {
			r.problems.add(r.at(entry.Key), "%s: want a name in plain text", path)
			continue
		}
		if _, taken := headers[name]; taken {
			r.problems.add(r.at(entry.Key), "%s is set twice", join(path, name))
			continue
		}
		text, ok := scalarText(entry.Value, "text")
		if !ok {
			r.problems.add(r.at(entry.Key), "%s: want text, got %s", join(path, name), kindOf(entry.Value))
			continue
		}
		headers[name] = Secret(text)
		r.where[join(path, name)] = r.at(entry.Value)
	}
	v.Set(reflect.ValueOf(headers))
}

// listeners decodes one address, or a list of addresses and mappings.
func (r *reading) listeners(node ast.Node, path string, field reflect.StructField, v reflect.Value) {
	if _, ok := node.(*ast.SequenceNode); ok {
		r.list(node, path, field, v)
		return
	}
	list := reflect.MakeSlice(v.Type(), 1, 1)
	r.listener(node, path, list.Index(0))
	v.Set(list)
}

// listener decodes an address, or a mapping that has one.
func (r *reading) listener(node ast.Node, path string, v reflect.Value) {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		r.mapping(node, path, v)
	default:
		address, _ := fieldByKey(v.Type(), "address")
		r.scalar(node, path, address, v.FieldByIndex(address.Index))
	}
}

func (r *reading) scalar(node ast.Node, path string, field reflect.StructField, v reflect.Value) {
	text, ok := scalarText(node, typeName(field))
	if !ok {
		r.problems.add(r.at(node), "%s: want %s, got %s", path, wanted[typeName(field)], kindOf(node))
		return
	}
	if err := setText(field, v, text); err != nil {
		r.problems.add(r.at(node), "%s: %s", path, err)
	}
}

var wanted = map[string]string{
	"text":     "text",
	"bool":     "true or false",
	"number":   "a whole number",
	"share":    "a number from 0 to 1",
	"bytes":    "a size in bytes such as 65536 or 64KiB",
	"duration": "a duration such as 30s or 2m",
}

// scalarText returns the text of a scalar node that may stand for the named type. A text
// setting takes a number as it is written, since an app id is often one.
func scalarText(node ast.Node, typ string) (string, bool) {
	switch n := node.(type) {
	case *ast.StringNode:
		return n.Value, typ == "text" || typ == "bytes" || typ == "duration"
	case *ast.LiteralNode:
		return n.Value.Value, typ == "text"
	case *ast.IntegerNode, *ast.FloatNode:
		// "0" is a duration to Go; "30" is not, and says so.
		return n.GetToken().Value, typ != "bool"
	case *ast.BoolNode:
		return n.GetToken().Value, typ == "bool"
	}
	return "", false
}

// keyText returns a mapping key; numbers and the like are no keys of ours but can be named.
func keyText(key ast.MapKeyNode) (string, bool) {
	switch n := key.(type) {
	case *ast.StringNode:
		return n.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.NullNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// kindOf names what a node is, never its value.
func kindOf(node ast.Node) string {
	switch node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	case *ast.BoolNode:
		return "true or false"
	case *ast.IntegerNode, *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return "a number"
	case *ast.TagNode:
		return "a YAML tag"
	}
	return "text"
}

func (r *reading) at(node ast.Node) string {
	// The token of a mapping is its first colon; the reader looks for the first key.
	switch n := node.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return r.at(n.Values[0].Key)
		}
	case *ast.MappingValueNode:
		return r.at(n.Key)
	}
	return r.place(node.GetToken())
}

func (r *reading) place(t *token.Token) string {
	if t == nil || t.Position == nil {
		return r.file
	}
	return fmt.Sprintf("%s:%d:%d", r.file, t.Position.Line, t.Position.Column)
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// badUTF8 returns the number of the first line that is not UTF-8, 0 when all are.
func badUTF8(text []byte) int {
	for i, line := range bytes.Split(text, []byte("\n")) {
		if !utf8.Valid(line) {
			return i + 1
		}
	}
	return 0
}

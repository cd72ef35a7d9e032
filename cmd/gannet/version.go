package main

import (
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker for a release: -ldflags "-X main.version=1.2.3 -X main.commit=abc".
var (
	version = ""
	commit  = ""
)

type versionCommand struct{}

// Run prints the version, the commit and the Go release that built it.
func (versionCommand) Run(t *terminal) error {
	v, c := buildVersion()
	_, err := fmt.Fprintf(t.out, "gannet %s, commit %s, %s %s/%s\n", v, c, runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// buildVersion returns what the linker was told, else what the toolchain recorded.
func buildVersion() (v, c string) {
	v, c = version, commit
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return orElse(v, "devel"), orElse(c, "unknown")
	}
	if info.Main.Version != "(devel)" {
		v = orElse(v, info.Main.Version)
	}
	var revision, dirty string
	for _, s := range info.Settings {
		switch {
		case s.Key == "vcs.revision":
			revision = s.Value[:min(12, len(s.Value))]
		case s.Key == "vcs.modified" && s.Value == "true":
			dirty = "+changes"
		}
	}
	if c == "" && revision != "" {
		c = revision + dirty
	}
	return orElse(v, "devel"), orElse(c, "unknown")
}

func orElse(text, otherwise string) string {
	if text == "" {
		return otherwise
	}
	return text
}

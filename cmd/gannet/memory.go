package main

import (
	"bufio"
	"bytes"
	"io/fs"
	"path"
	"strconv"
	"strings"
)

// memoryTotal returns the bytes that this process and its like may use together: the least
// of the machine's memory and the limits of the control groups it is in. 0: unknown, as it is
// everywhere but on Linux. root is the file system.
func memoryTotal(root fs.FS) int64 {
	total := machineMemory(root)
	lower := func(n int64) {
		// A limit that is none is a huge number in version 1.
		if n > 0 && (total == 0 || n < total) {
			total = n
		}
	}
	groups, err := fs.ReadFile(root, "proc/self/cgroup")
	if err != nil {
		return total
	}
	for line := range strings.Lines(string(groups)) {
		// hierarchy:controllers:path
		parts := strings.SplitN(strings.TrimSpace(line), ":", 3)
		if len(parts) != 3 {
			continue
		}
		base, file := "", ""
		switch {
		case parts[1] == "":
			base, file = "sys/fs/cgroup", "memory.max"
		case strings.Contains(","+parts[1]+",", ",memory,"):
			base, file = "sys/fs/cgroup/memory", "memory.limit_in_bytes"
		default:
			continue
		}
		// A limit holds for everything below it. In a container the path may be that of the
		// host and not exist; the root of the mount is then the group itself.
		for dir := path.Clean("/" + parts[2]); ; dir = path.Dir(dir) {
			lower(readNumber(root, path.Join(base, dir, file)))
			if dir == "/" {
				break
			}
		}
	}
	return total
}

// machineMemory returns MemTotal of /proc/meminfo in bytes, 0 when there is none.
func machineMemory(root fs.FS) int64 {
	text, err := fs.ReadFile(root, "proc/meminfo")
	if err != nil {
		return 0
	}
	for s := bufio.NewScanner(bytes.NewReader(text)); s.Scan(); {
		fields := strings.Fields(s.Text())
		if len(fields) == 3 && fields[0] == "MemTotal:" && fields[2] == "kB" {
			n, _ := strconv.ParseInt(fields[1], 10, 64) // what cannot be read is unknown
			return n << 10
		}
	}
	return 0
}

// readNumber returns the number in a file, 0 when there is none: "max" is no limit.
func readNumber(root fs.FS, name string) int64 {
	text, err := fs.ReadFile(root, name)
	if err != nil {
		return 0
	}
	n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64)
	if err != nil {
		return 0
	}
	return n
}

// Package resume is a script for browsers and Node, not for Go: beside a stock pusher-js it makes subscriptions go on where
// they were after a reconnect. The folder is an npm package as well; the script is written in source.mjs, and build.mjs
// makes of it the two files that are here for the HTTP API to serve. They are in git, so that building the server needs no Node.
package resume

import _ "embed" // of the built files

// Script defines GannetResume where it is loaded as a classic script, and exports it in CommonJS. Shared.
//
//go:embed resume.js
var Script []byte

// Module is the same as an ES module. Shared.
//
//go:embed resume.mjs
var Module []byte

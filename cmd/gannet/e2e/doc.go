// Package e2e proves the whole server from outside, with the SDKs people use.
//
// Its tests build cmd/gannet, start it as a process on free ports, and talk to it
// through pusher-js, laravel-echo, npm pusher and pusher-http-go, and byte by byte
// where an SDK cannot show what came. They need node and the packages of
// package-lock.json, so they hide behind the build tag e2e:
//
//	npm ci --prefix cmd/gannet/e2e
//	go test -tags e2e ./cmd/gannet/e2e
//
// With GANNET_E2E_TRANSPORT=tls all of them speak TLS, to servers that take nothing else.
//
// What the tests prove with which SDK is written down in docs/compatibility.md.
package e2e

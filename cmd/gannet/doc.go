// Command gannet is the server and its small tools: serve, check, subscribe, publish,
// echo, webhooks, cluster status and version.
//
// This package holds flags, configuration, assembly and signals, and is the only place
// where the parts meet. It decides nothing about the protocol. A run is: kong picks a
// command, Load reads the configuration (load.go), and serve (serve.go) builds the parts
// from it, runs them until a signal, and drains them.
package main

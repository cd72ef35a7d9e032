//go:build e2e && !race

package e2e

// raceBuild says that the server is built with the race detector, as the tests are.
const raceBuild = false

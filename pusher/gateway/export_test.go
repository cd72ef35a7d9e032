package gateway

var (
	CheckVersion = checkVersion
)

// Key reads the app key out of a path.
func (g *Gateway) Key(path string) (string, bool) { return g.key(path) }

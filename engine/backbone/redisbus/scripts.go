package redisbus

import (
	"crypto/sha1"
	_ "embed"
	"encoding/hex"

	"github.com/redis/rueidis"
)

// A script is run by its digest, and sent whole when the server does not know it.
type script struct{ text, digest string }

var (
	//go:embed lua/board.lua
	boardLua string
	//go:embed lua/join.lua
	joinLua string
	//go:embed lua/tick.lua
	tickLua string
	//go:embed lua/put.lua
	putLua string
	//go:embed lua/leave.lua
	leaveLua string
	//go:embed lua/look.lua
	lookLua string
	//go:embed lua/append.lua
	appendLua string
	//go:embed lua/tail.lua
	tailLua string
	//go:embed lua/heads.lua
	headsLua string

	joinScript  = newScript(boardLua + joinLua)
	tickScript  = newScript(boardLua + tickLua)
	putScript   = newScript(boardLua + putLua)
	leaveScript = newScript(boardLua + leaveLua)
	lookScript  = newScript(boardLua + lookLua)

	appendScript = newScript(appendLua)
	tailScript   = newScript(tailLua)
	headsScript  = newScript(headsLua)
)

func newScript(text string) *script {
	sum := sha1.Sum([]byte(text)) // the name Redis gives it
	return &script{text, hex.EncodeToString(sum[:])}
}

// A call is a script with its arguments.
type call struct {
	script     *script
	keys, args []string
}

// command returns c as a command; whole sends the script's text.
func (c *call) command(client rueidis.Client, whole bool) rueidis.Completed {
	if whole {
		return client.B().Eval().Script(c.script.text).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
	}
	return client.B().Evalsha().Sha1(c.script.digest).Numkeys(int64(len(c.keys))).Key(c.keys...).Arg(c.args...).Build()
}

// unknown reports whether a result says that the server does not know the script; it has done nothing then.
func unknown(r rueidis.RedisResult) bool {
	e, ok := rueidis.IsRedisErr(r.Error())
	return ok && e.IsNoScript()
}

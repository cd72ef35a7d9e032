package resume_test

import (
	"bytes"
	"testing"

	"github.com/gannet-io/gannet/pusher/resume"
)

func TestScriptsStaySmall(t *testing.T) {
	for name, file := range map[string][]byte{"resume.js": resume.Script, "resume.mjs": resume.Module} {
		if len(file) >= 3000 {
			t.Errorf("%s has %d bytes, want less than 3000", name, len(file))
		}
		if !bytes.HasPrefix(file, []byte("/*! resume.js of Gannet")) {
			t.Errorf("%s does not say what it is: %.60q", name, file)
		}
	}
}

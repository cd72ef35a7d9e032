package wire

// A Signin is the data of pusher:signin.
type Signin struct {
	Auth     string // "key:signature"; empty when absent
	UserData string // JSON text, verbatim: the signature covers it byte for byte; empty when absent
}

var errUserDataNotString = &Error{"user_data must be a string"}

// ParseSignin reads the Data of a Frame that ParseFrame returned; it does not validate the JSON again. The error is an
// *Error.
func ParseSignin(data []byte) (Signin, error) {
	m, ok := objectMembers(data)
	if !ok {
		return Signin{}, errSubscribeData
	}
	var auth, userData []byte
	var scratch [16]byte
	for m.next() {
		switch string(m.name(scratch[:])) {
		case "auth":
			auth = m.value
		case "user_data":
			userData = m.value
		}
	}
	var s Signin
	if s.Auth, _, ok = optionalText(auth); !ok {
		return Signin{}, errAuthNotString
	}
	if s.UserData, _, ok = optionalText(userData); !ok {
		return Signin{}, errUserDataNotString
	}
	return s, nil
}

// AppendSigninSuccess appends pusher:signin_success, whose data is an object and whose user_data is the text the client
// signed in with, unchanged.
func AppendSigninSuccess(dst []byte, userData string) []byte {
	dst = append(dst, `{"event":"pusher:signin_success","data":{"user_data":`...)
	dst = AppendQuoted(dst, userData)
	return append(dst, `}}`...)
}

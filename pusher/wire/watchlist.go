package wire

// AppendWatchlist appends the news about watched users: those who came online and those who went offline. A group
// without users is left out.
func AppendWatchlist(dst []byte, online, offline []string) []byte {
	dst = append(dst, `{"event":"pusher_internal:watchlist_events","data":"`...)
	from := len(dst)
	dst = append(dst, `{"events":[`...)
	if len(online) > 0 {
		dst = append(dst, `{"name":"online","user_ids":`...)
		dst = appendTexts(dst, online)
		dst = append(dst, '}')
	}
	if len(online) > 0 && len(offline) > 0 {
		dst = append(dst, ',')
	}
	if len(offline) > 0 {
		dst = append(dst, `{"name":"offline","user_ids":`...)
		dst = appendTexts(dst, offline)
		dst = append(dst, '}')
	}
	dst = append(dst, `]}`...)
	dst = escapeFrom(dst, from)
	return append(dst, `"}`...)
}

func appendTexts(dst []byte, list []string) []byte {
	dst = append(dst, '[')
	for i, s := range list {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = AppendQuoted(dst, s)
	}
	return append(dst, ']')
}

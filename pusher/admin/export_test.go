package admin

// WriteSoketi is writeSoketi.
var WriteSoketi = writeSoketi

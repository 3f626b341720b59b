package pgsession

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/stdlib"
)

// PingStale makes a pool ping a connection before it is used again if the server has sent something
// meanwhile, such as that it has ended the session. Without it a statement meets that error if the
// connection was used within the last second, in which pgx does not ping: after a database was
// dropped and made again, or a server was restarted. Looking costs no round trip.
func PingStale() stdlib.OptionOpenDB {
	return stdlib.OptionShouldPing(func(_ context.Context, p stdlib.ShouldPingParams) bool {
		return p.IdleDuration > time.Second || readable(p.Conn.PgConn().Conn())
	})
}

// readable reports whether a read from conn would return at once.
func readable(conn net.Conn) bool {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok { // TLS
		conn = secure.NetConn()
	}
	return peeks(conn)
}

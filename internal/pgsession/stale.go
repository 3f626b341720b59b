package pgsession

import (
	"context"
	"net"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
)

// PingStale makes a pool ping a connection before it is used again if the server has sent something
// meanwhile, such as that it has ended the session. Without it a statement meets that error if the
// connection was used within the last second, in which pgx does not ping: after a database was
// dropped and made again, or a server was restarted. Looking costs no round trip and no allocation.
func PingStale() stdlib.OptionOpenDB {
	return stdlib.OptionShouldPing(func(_ context.Context, p stdlib.ShouldPingParams) bool {
		return p.IdleDuration > time.Second || peekerOf(p.Conn.PgConn()).readable()
	})
}

// peekerKey is where a connection keeps its peeker.
const peekerKey = "github.com/gormtenant/gormtenant/internal/pgsession.peeker"

func peekerOf(conn *pgconn.PgConn) *peeker {
	if p, ok := conn.CustomData()[peekerKey].(*peeker); ok {
		return p
	}
	p := newPeeker(beneathTLS(conn.Conn()))
	conn.CustomData()[peekerKey] = p
	return p
}

func beneathTLS(conn net.Conn) net.Conn {
	if secure, ok := conn.(interface{ NetConn() net.Conn }); ok {
		return secure.NetConn()
	}
	return conn
}

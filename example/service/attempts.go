package service

import (
	"crypto/sha256"
	"net/http"
	"net/netip"
	"time"

	"github.com/maypok86/otter/v2"
	"golang.org/x/time/rate"
)

// Rate is how often something may be done: Burst times at once, and once more after each Every.
type Rate struct {
	Burst int
	Every time.Duration
}

// LoginLimits hold back those who guess passwords. The zero value is what they default to.
type LoginLimits struct {
	// ByAddress counts what failed by the client's address, of IPv6 its /64. Defaults to 20 at
	// once, and one in a second. Behind a proxy all clients have the proxy's address: let the proxy
	// limit them.
	ByAddress Rate
	// ByAccount counts what failed by the user who is named, whether there is one or not. Defaults
	// to 10 at once, and one in ten seconds.
	ByAccount Rate
	// Queue is how many may wait for the hash of a password, which takes a processor for a quarter
	// of a second. Who comes then is told to try again. Defaults to seven for each processor, so
	// that nobody waits for more than two seconds.
	Queue int
}

func (l LoginLimits) withDefaults() LoginLimits {
	if l.ByAddress == (Rate{}) {
		l.ByAddress = Rate{20, time.Second}
	}
	if l.ByAccount == (Rate{}) {
		l.ByAccount = Rate{10, 10 * time.Second}
	}
	return l
}

// attempts counts the log-ins that failed. It forgets those that nobody has repeated for long, and
// remembers about 100,000.
type attempts struct {
	limits LoginLimits
	of     *otter.Cache[[sha256.Size]byte, *rate.Limiter]
}

func newAttempts(limits LoginLimits) *attempts {
	return &attempts{limits, otter.Must(&otter.Options[[sha256.Size]byte, *rate.Limiter]{
		MaximumSize: 100_000,
	})}
}

// begin counts an attempt before its outcome is known, so that of a thousand at once no more are
// tried than of a thousand in a row. succeeded takes it back. The error is a problem that says when
// to try again.
func (a *attempts) begin(r *http.Request, tenant, user string) (succeeded func(), err error) {
	now := time.Now()
	first := a.limiter("address\x00"+addressOf(r), a.limits.ByAddress).ReserveN(now, 1)
	if wait := first.DelayFrom(now); wait > 0 {
		first.CancelAt(now)
		return nil, tooMany(wait)
	}
	second := a.limiter("account\x00"+tenant+"\x00"+user, a.limits.ByAccount).ReserveN(now, 1)
	if wait := second.DelayFrom(now); wait > 0 {
		second.CancelAt(now)
		return nil, tooMany(wait)
	}
	return func() {
		first.CancelAt(now)
		second.CancelAt(now)
	}, nil
}

// limiter returns the limiter of a key, of whatever length.
func (a *attempts) limiter(key string, limit Rate) *rate.Limiter {
	found, _ := a.of.ComputeIfAbsent(sha256.Sum256([]byte(key)), func() (*rate.Limiter, bool) {
		return rate.NewLimiter(rate.Every(limit.Every), limit.Burst), false
	})
	return found
}

// addressOf returns whom a request came from: who has one address of IPv6 has all of its network.
func addressOf(r *http.Request) string {
	from, err := netip.ParseAddrPort(r.RemoteAddr)
	if err != nil {
		return r.RemoteAddr
	}
	address := from.Addr().Unmap()
	if address.Is4() {
		return address.String()
	}
	network, _ := address.Prefix(64) // never fails: the address has as many bits
	return network.String()
}

func tooMany(wait time.Duration) *problem {
	p := newProblem(http.StatusTooManyRequests, "Too many log-ins have failed. Try again later.")
	p.retryAfter = wait
	return p
}

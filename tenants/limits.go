package tenants

import (
	"errors"
	"fmt"

	"github.com/gormtenant/gormtenant"
)

// Limits says how much of what a tenant may use, by name. A name that is missing is not limited.
type Limits map[string]int64

// Unlimited is the limit of what is not limited. No other negative number is a limit.
const Unlimited int64 = -1

// Names of the limits of [DefaultPlans]. An application has others of its own.
const (
	Users        = "users"
	Projects     = "projects"
	StorageBytes = "storage_bytes"
	APICalls     = "api_calls" // a month
)

// Plans are the limits of each plan, by the plan's name.
type Plans map[string]Limits

// DefaultPlans returns plans as many products start with:
//
//	            users   projects   storage   API calls a month
//	free            5          3      1 GB              10,000
//	starter        20         10     10 GB             100,000
//	pro           100         50    100 GB           1,000,000
//	enterprise    unlimited
//
// A GB is 10⁹ bytes. The map is the caller's own.
func DefaultPlans() Plans {
	const gb = 1_000_000_000
	return Plans{
		"free":    {Users: 5, Projects: 3, StorageBytes: gb, APICalls: 10_000},
		"starter": {Users: 20, Projects: 10, StorageBytes: 10 * gb, APICalls: 100_000},
		"pro":     {Users: 100, Projects: 50, StorageBytes: 100 * gb, APICalls: 1_000_000},
		"enterprise": {
			Users: Unlimited, Projects: Unlimited, StorageBytes: Unlimited, APICalls: Unlimited,
		},
	}
}

var (
	// ErrUnknownPlan is returned by [Plans.Limit] for a tenant whose plan is not among them.
	ErrUnknownPlan = errors.New("gormtenant: the tenant has an unknown plan")
	// ErrInvalidLimit is returned by [Plans.Limit] for a limit below [Unlimited].
	ErrInvalidLimit = errors.New("gormtenant: invalid limit")
)

// Limit returns how much of name the tenant may use: its own limit if it has one, else its plan's.
// It is [Unlimited] where neither has one. A plan that is not among p is [ErrUnknownPlan], lest a
// tenant with a misspelt plan use all it likes; so is a negative limit that is not Unlimited, such
// as what is left of one after too much was taken from it, [ErrInvalidLimit]. A nil tenant is
// gormtenant.ErrNoTenant.
func (p Plans) Limit(t *Tenant, name string) (int64, error) {
	if t == nil {
		return 0, gormtenant.ErrNoTenant
	}
	limit, ok := t.Limits[name]
	if !ok {
		plan, known := p[t.Plan]
		if !known {
			return 0, fmt.Errorf("%w: %q, while it is asked for its limit of %s", ErrUnknownPlan,
				t.Plan, name)
		}
		if limit, ok = plan[name]; !ok {
			return Unlimited, nil
		}
	}
	if limit < Unlimited {
		return 0, fmt.Errorf("%w: %s is %d: use a number from 0 on, or tenants.Unlimited",
			ErrInvalidLimit, name, limit)
	}
	return limit, nil
}

// ErrLimit is what [LimitError] is, for errors.Is.
var ErrLimit = errors.New("gormtenant: the tenant's limit is reached")

// LimitError says which limit a tenant has reached. It tells the tenant of its own use only, so
// that it may be shown to the user.
type LimitError struct {
	Name  string // of the limit
	Limit int64
	Count int64 // what there would have been
}

// Error says how many there are and how many may be.
func (e *LimitError) Error() string {
	return fmt.Sprintf("%v: %s: at most %d, this would make %d", ErrLimit, e.Name, e.Limit, e.Count)
}

// Is says that it is ErrLimit.
func (e *LimitError) Is(target error) bool { return target == ErrLimit }

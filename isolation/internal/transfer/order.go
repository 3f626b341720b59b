package transfer

// groups returns the numbers from 0 to n-1 so that each comes after its parents. Those that are
// parents of each other are in one group. It is the algorithm of Tarjan (SIAM J. Comput. 1972),
// which finds the groups in this very order.
func groups(n int, parents func(i int) []int) [][]int {
	s := &search{
		parents: parents, index: make([]int, n), low: make([]int, n),
		open: make([]bool, n),
	}
	for i := range n {
		if s.index[i] == 0 {
			s.visit(i)
		}
	}
	return s.found
}

type search struct {
	parents    func(i int) []int
	next       int
	index, low []int // 0 if not yet visited
	open       []bool
	stack      []int
	found      [][]int
}

func (s *search) visit(i int) {
	s.next++
	s.index[i], s.low[i], s.open[i] = s.next, s.next, true
	s.stack = append(s.stack, i)
	for _, j := range s.parents(i) {
		if s.index[j] == 0 {
			s.visit(j)
			s.low[i] = min(s.low[i], s.low[j])
		} else if s.open[j] {
			s.low[i] = min(s.low[i], s.index[j])
		}
	}
	if s.low[i] != s.index[i] {
		return
	}
	for k := len(s.stack) - 1; ; k-- {
		s.open[s.stack[k]] = false
		if s.stack[k] == i {
			s.found = append(s.found, append([]int(nil), s.stack[k:]...))
			s.stack = s.stack[:k]
			return
		}
	}
}

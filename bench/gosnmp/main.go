// gosnmp of `wire`: a GoSNMP, so a socket, for each device, and a goroutine for each that is asked. Takes a load as JSON
// (bench/subjects/load.py) and prints one line of JSON, as the engines in Python do.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/gosnmp/gosnmp"
)

const (
	column    = "1.3.6.1.4.1.8072.9999.1.1"
	columns   = 25
	rows      = 48
	perAnswer = 50
)

type load struct {
	Get        int     `json:"get"`
	Version    string  `json:"version"`
	Addresses  int     `json:"addresses"`
	Silent     int     `json:"silent"`
	Rounds     int     `json:"rounds"`
	InFlight   int     `json:"in_flight"`
	Port       uint16  `json:"port"`
	SilentPort uint16  `json:"silent_port"`
	TimeoutS   float64 `json:"timeout_s"`
	Retries    int     `json:"retries"`
}

func address(n int) string { return fmt.Sprintf("127.30.%d.%d", n/250, n%250+1) }

func (l load) session(n int, port uint16) *gosnmp.GoSNMP {
	s := &gosnmp.GoSNMP{
		Target: address(n), Port: port, Version: gosnmp.Version2c, Community: "bench", Retries: l.Retries,
		Timeout: time.Duration(l.TimeoutS * float64(time.Second)), MaxRepetitions: perAnswer, MaxOids: 60,
	}
	if l.Version == "3" {
		s.Version, s.SecurityModel, s.MsgFlags = gosnmp.Version3, gosnmp.UserSecurityModel, gosnmp.AuthPriv
		s.SecurityParameters = &gosnmp.UsmSecurityParameters{
			UserName:               "bench",
			AuthenticationProtocol: gosnmp.SHA, AuthenticationPassphrase: "bench-auth-key",
			PrivacyProtocol: gosnmp.AES, PrivacyPassphrase: "bench-priv-key",
		}
	}
	if err := s.Connect(); err != nil {
		panic(err)
	}
	return s
}

func (l load) ask(s *gosnmp.GoSNMP, names []string) int {
	if l.Get > 0 {
		answer, err := s.Get(names)
		if err != nil {
			return 0
		}
		return len(answer.Variables)
	}
	found := 0
	_ = s.BulkWalk(column, func(gosnmp.SnmpPDU) error { found++; return nil })
	return found
}

func cpu() float64 {
	var used syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &used)
	return float64(used.Utime.Nano()+used.Stime.Nano()) / 1e9
}

// The most memory that this program held: ru_maxrss would count that of its parent before the exec too.
func peakMB() float64 {
	status, _ := os.ReadFile("/proc/self/status")
	_, after, _ := strings.Cut(string(status), "VmHWM:")
	kib, _ := strconv.ParseFloat(strings.Fields(after)[0], 64)
	return kib * 1024 / 1e6
}

func main() {
	var l load
	if err := json.Unmarshal([]byte(os.Args[1]), &l); err != nil {
		panic(err)
	}
	var names []string
	for n := 0; n < l.Get; n++ {
		names = append(names, fmt.Sprintf("%s.%d.%d", column, n%columns+1, n/columns+1))
	}
	want := l.Get
	if want == 0 {
		want = columns * rows
	}
	var healthy, blackHoles []*gosnmp.GoSNMP
	for n := 0; n < l.Addresses; n++ {
		healthy = append(healthy, l.session(n, l.Port))
	}
	for n := 0; n < l.Silent; n++ {
		blackHoles = append(blackHoles, l.session(l.Addresses+n, l.SilentPort))
	}
	var varbinds, lost atomic.Int64
	everybody := func(rounds int, healthy, blackHoles []*gosnmp.GoSNMP) {
		var all sync.WaitGroup
		for w := 0; w < l.InFlight; w++ {
			all.Add(1)
			go func() {
				defer all.Done()
				for r := 0; r < rounds; r++ {
					for n := w; n < len(healthy); n += l.InFlight {
						came := l.ask(healthy[n], names)
						varbinds.Add(int64(came))
						if came != want {
							lost.Add(1)
						}
					}
				}
			}()
		}
		for _, s := range blackHoles {
			all.Add(1)
			go func() {
				defer all.Done()
				for r := 0; r < rounds; r++ {
					l.ask(s, names)
				}
			}()
		}
		all.Wait()
	}
	warm := min(len(healthy), 100)
	if l.Version == "3" {
		warm = len(healthy)
	}
	everybody(1, healthy[:warm], nil)
	varbinds.Store(0)
	lost.Store(0)
	began, before := time.Now(), cpu()
	everybody(l.Rounds, healthy, blackHoles)
	spent, wall := cpu()-before, time.Since(began).Seconds()
	_ = json.NewEncoder(os.Stdout).Encode(map[string]any{
		"cpu_s": spent, "varbinds": varbinds.Load(), "wall_s": wall, "lost": lost.Load(),
		"rss_mb": peakMB(),
	})
}

// A plain buffered reader of log frames, to measure `raft log verify` against: it checks every checksum and that
// indexes follow each other, and stops at the first frame that is no good.
package main

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"os"
)

const (
	headerBytes  = 24
	commandBytes = 2 << 20
)

func main() {
	file, err := os.Open(os.Args[1])
	if err != nil {
		fail(err)
	}
	defer file.Close()
	reader := bufio.NewReaderSize(file, 1<<20)
	frame := make([]byte, headerBytes+commandBytes)
	var entries, last uint64
	for {
		_, err := io.ReadFull(reader, frame[:headerBytes])
		if err == io.EOF {
			break
		}
		if err != nil {
			fail(err)
		}
		size := binary.LittleEndian.Uint32(frame[20:24])
		if size == 0 || size > commandBytes {
			fail(fmt.Errorf("entry %d claims %d bytes", last+1, size))
		}
		if _, err := io.ReadFull(reader, frame[headerBytes:headerBytes+size]); err != nil {
			fail(err)
		}
		if crc32.ChecksumIEEE(frame[4:headerBytes+size]) != binary.LittleEndian.Uint32(frame[:4]) {
			fail(fmt.Errorf("the checksum of entry %d does not match", last+1))
		}
		index := binary.LittleEndian.Uint64(frame[12:20])
		if last != 0 && index != last+1 {
			fail(fmt.Errorf("index %d follows %d", index, last))
		}
		last = index
		entries++
	}
	fmt.Println(entries)
}

func fail(err error) {
	fmt.Fprintln(os.Stderr, err)
	os.Exit(1)
}

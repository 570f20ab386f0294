package archive

import (
	"sync"

	"github.com/klauspost/compress/zstd"
	parquetzstd "github.com/parquet-go/parquet-go/compress/zstd"
)

// codec compresses pages as the codec of parquet-go does, with a window that is
// made for pages: the usual one costs 8 MiB of memory for each encoder. The
// fastest level takes half of the time of the default one and 3 % more space.
type codec struct {
	parquetzstd.Codec
	encoders sync.Pool
}

const windowBytes = 512 << 10 // a page, and the values that it may have beyond its size

func (c *codec) Encode(dst, src []byte) ([]byte, error) {
	e, ready := c.encoders.Get().(*zstd.Encoder)
	if !ready {
		var err error
		e, err = zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithWindowSize(windowBytes), zstd.WithEncoderCRC(false), zstd.WithZeroFrames(true))
		if err != nil {
			return nil, err
		}
	}
	defer c.encoders.Put(e)
	return e.EncodeAll(src, dst[:0]), nil
}

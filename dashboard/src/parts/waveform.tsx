const WIDTH = 4;
const HEIGHT = 48;

/** Peaks of 0 to 100 as bars. */
export function Waveform({ peaks }: { peaks: readonly number[] }) {
  return (
    <svg
      class="waveform"
      viewBox={`0 0 ${peaks.length * WIDTH} ${HEIGHT}`}
      preserveAspectRatio="none"
      aria-hidden="true"
    >
      {peaks.map((peak, index) => {
        const height = Math.max(2, (peak / 100) * HEIGHT);
        return (
          <rect
            key={index}
            x={index * WIDTH + 0.75}
            y={(HEIGHT - height) / 2}
            width={WIDTH - 1.5}
            height={height}
            rx="1.25"
          />
        );
      })}
    </svg>
  );
}

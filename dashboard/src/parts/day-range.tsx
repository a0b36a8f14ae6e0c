export interface Days {
  from: string;
  to: string;
}

/** First and last day (UTC), both optional. */
export function DayRange(props: Days & { onChange: (days: Days) => void }) {
  const { from, to, onChange } = props;
  return (
    <div class="days">
      <label>
        From
        <input
          type="date"
          value={from}
          max={to || undefined}
          onChange={(event) => onChange({ from: event.currentTarget.value, to })}
        />
      </label>
      <label>
        To
        <input
          type="date"
          value={to}
          min={from || undefined}
          onChange={(event) => onChange({ from, to: event.currentTarget.value })}
        />
      </label>
    </div>
  );
}

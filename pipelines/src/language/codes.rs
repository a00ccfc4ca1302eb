//! Every code a check of the language can give. A code keeps its meaning for ever.
//!
//! | Range | About |
//! |---|---|
//! | `V01xx` | files and YAML text |
//! | `V02xx` | keys and values of any mapping |
//! | `V03xx` | the pipeline: connections, source, destination, options |
//! | `V04xx` | the ruleset: tasks and the files they select |
//! | `V05xx` | rules, columns, conditions, hash columns |
//! | `V06xx` | masks and their arguments |
//! | `V07xx` | libraries and references |
//! | `V08xx` | the environment and secrets |
//! | `V09xx` | what is understood and not built yet |
//! | `V100x` | rules and the columns of real files |
//! | `V101x` | connections as they are |
//! | `V102x` | files as they are |

use super::diagnostic::Severity;

/// A kind of problem.
#[derive(Debug, PartialEq, Eq, Hash)]
pub struct Code {
    /// Its name for ever: `V0104`.
    pub id: &'static str,
    /// How bad it is.
    pub severity: Severity,
    /// What it means, in one line.
    pub meaning: &'static str,
}

macro_rules! codes {
    ($($id:literal $name:ident $severity:ident $meaning:literal;)*) => {
        $(
            #[doc = concat!("`", $id, "`: ", $meaning, ".")]
            pub const $name: Code = Code {
                id: $id,
                severity: Severity::$severity,
                meaning: $meaning,
            };
        )*

        /// All codes, in order.
        pub const CODES: &[&Code] = &[$(&$name),*];
    };
}

codes! {
    "V0101" FILE_UNREADABLE Error "a file that is named cannot be read";
    "V0102" FILE_TOO_LARGE Error "a file is larger than 16 MiB";
    "V0103" NOT_UTF8 Error "a file is not UTF-8 text";
    "V0104" YAML_SYNTAX Error "a file is not well-formed YAML";
    "V0105" DUPLICATE_KEY Error "a mapping has the same key twice";
    "V0106" NOT_ONE_DOCUMENT Error "a file holds no YAML document, or more than one";
    "V0107" BAD_MERGE Error "a merge key `<<` is given something that is no mapping";
    "V0108" BAD_ALIAS Error "an alias has no anchor before it, or is inside its own anchor";
    "V0109" YAML_TOO_BIG Error "aliases, merges or references unfold into too many values, or too deep";
    "V0110" BAD_KEY Error "a key is a list or a mapping";
    "V0111" BAD_NUMBER Error "a number that no 64-bit integer or finite float holds";
    "V0112" LEADING_ZERO Warning "a number has a zero in front: quote it when it is meant as text";
    "V0113" BAD_TAG Error "a YAML tag that has no meaning here, or that its value does not fit";

    "V0201" WRONG_VERSION Error "`version` is missing or is not '1.0'";
    "V0202" UNKNOWN_KEY Error "a mapping has a key that means nothing there";
    "V0203" MISSING_KEY Error "a mapping lacks a key it needs";
    "V0204" WRONG_TYPE Error "a value is of the wrong kind";
    "V0205" WRONG_VALUE Error "a value is of the right kind but not one that is accepted";
    "V0206" BAD_PATTERN Error "a glob or a regular expression does not compile";
    "V0207" DEPRECATED_KEY Warning "a key is read and has no effect any more";
    "V0208" MISTAKEN_FILE Error "a ruleset stands where a pipeline is asked for, or a pipeline where a ruleset is";
    "V0209" OLD_KEY Warning "a key has a newer name";

    "V0301" UNKNOWN_CONNECTION Error "a connection is named that the pipeline does not list";
    "V0302" NO_DESTINATION Error "there is no destination, and `in_place` is not set";
    "V0303" SAME_PLACE Error "source and destination are the same place, and `in_place` is not set";
    "V0304" IN_PLACE_ELSEWHERE Error "`in_place` is set, and the destination is another place than the source";
    "V0305" PATH_OUTSIDE Error "a path leads out of its base directory";
    "V0306" SECRET_TOO_SHORT Error "the run secret is shorter than 16 characters";
    "V0307" SECRET_SHORT Warning "the run secret is shorter than 20 characters";
    "V0308" MAX_ROWS Error "`max_rows` would leave rows unmasked in a file";
    "V0309" HALF_CREDENTIALS Error "one half of a pair of credentials is missing, or two kinds contradict";
    "V0310" CONTRADICTORY_FORMAT Error "two options of a file format contradict each other";

    "V0311" DATABASE_PATH Error "a path is given for a database, which has no folders";
    "V0312" PLACE_OPTION Error "a place says something that does not go with what is read and written";
    "V0313" SECRET_TOO_LONG Error "the run secret is longer than 256 characters";

    "V0401" UNKNOWN_TASK Error "a task has a type that does not exist";
    "V0402" NO_TASKS Error "a ruleset or a group has no tasks";
    "V0403" NEVER_MATCHES Error "a file filter can never match, because its task does not look into folders";
    "V0404" AMBIGUOUS_FILTER Error "a file filter has not exactly one of `glob` and `regex`";
    "V0405" WRONG_SOURCE Error "a task for tables has files as its source, or a task for files a database";
    "V0406" BAD_NAME Error "the name of a table is not written as SQL has it";
    "V0407" BAD_SQL Error "a piece of SQL is missing, is given twice, or ends with `;` where more follows";
    "V0408" NO_TABLE_NAMED Error "a task for files names no table and the destination is a database, or it names one and it is not";

    "V0501" NO_RULES Error "a task, a condition or a list of rules is empty";
    "V0502" NO_COLUMN Error "a rule names no column, or both `column` and `columns`";
    "V0503" DUPLICATE_RULE Error "two rules of one task mask the same column, and no `if` separates them";
    "V0504" BAD_CONDITION Error "a condition has no test, or a test cannot be made with its value";
    "V0505" BAD_HASH_COLUMN Error "a hash column is not given in one of the known forms";
    "V0506" HASH_COLUMNS_REFUSED Error "a mask that goes by no hash columns is given some";
    "V0507" HASH_COLUMNS_IGNORED Warning "a mask that goes by the value alone is given hash columns";

    "V0601" UNKNOWN_MASK Error "a mask has a type that does not exist";
    "V0602" UNKNOWN_ARGUMENT Error "a mask is given an argument it does not take";
    "V0603" MISSING_ARGUMENT Error "a mask lacks an argument it needs";
    "V0604" NO_MASKS Error "a rule or a mask has an empty list of masks";
    "V0605" DEPRECATED_MASK Warning "a mask has a newer name";

    "V0701" LIBRARY_NAME Error "a library's name is not `namespace/name`";
    "V0702" LIBRARY_NOT_FOUND Error "an imported library is in none of the library folders";
    "V0703" LIBRARY_IMPORTS Error "a library imports another library";
    "V0704" UNKNOWN_SECTION Error "a library has no such section";
    "V0705" NOT_IMPORTED Error "a reference names a library that `imports` does not list";
    "V0706" REFERENCE_SYNTAX Error "a reference is not written as `namespace/name#section/key`";
    "V0707" REFERENCE_MISSING Error "a reference leads to nothing";
    "V0708" REFERENCE_CYCLE Error "references lead back to themselves";
    "V0709" REFERENCE_MIXED Error "a mapping has other keys beside `$ref`";
    "V0710" REFERENCE_AS_TYPE Error "a reference stands for a `type`";
    "V0711" DUPLICATE_IMPORT Warning "a library is imported twice";

    "V0801" VARIABLE_MISSING Error "an environment variable is not set, or is not UTF-8";
    "V0802" VARIABLE_SYNTAX Error "a `${` is not followed by a name and `}`";
    "V0803" SECRET_UNREADABLE Error "the file of a secret cannot be read, is empty, or is no text";
    "V0804" NOT_REPLACED Warning "`${NAME}` stands in a ruleset, where nothing is replaced";

    "V0901" NO_MASK_FILE Error "`mask_file` is not built yet";
    "V0902" NO_FIXED_WIDTH Error "fixed-width files are not built yet";
    "V0903" NO_UNSTRUCTURED_TEXT Error "`unstructured_text` is not built yet";
    "V0910" MASK_NOT_BUILT Error "a known mask that is not built yet";
    "V0911" NO_DATABASE Error "a kind of database that is not built yet";
    "V0912" NO_LOCALITY Error "`{{ locality }}` is not supported";
    "V0913" NO_COPY Error "a kind of database that is not copied to other places, or filled from them, yet";
    "V0914" NO_JOINS Error "a kind of database whose tables are not joined yet";
    "V0915" NO_VALUES Error "a rule for values, which discovery does not look at yet";
    "V0920" NO_DISCOVERY Warning "a discovery task is left out, because discovery is not built yet";
    "V0921" IGNORED_KEY Warning "a key for databases or for another server has no effect here";

    "V1001" UNKNOWN_COLUMN Error "a rule names a column that a file it is for does not have";
    "V1002" BAD_MASK Error "a mask does not fit its column, or an argument of it is wrong";
    "V1003" MASKED_TWICE Warning "two tasks mask the same column of one file, one after the other";
    "V1004" UNMASKABLE_COLUMN Error "a column cannot be rewritten";
    "V1005" REPEATED_COLUMN Error "a column with several values in a row cannot decide about the row";
    "V1006" REQUIRED_COLUMN Error "a mask may give null, and the column holds none";
    "V1007" NOT_COVERED Error "no rule names a column or a file with columns, under `coverage: strict`";
    "V1008" NOT_DISTINCT Error "a mask may make two values one, and the rule asks for `unique`";
    "V1009" BAD_COMPARISON Error "a condition compares a column with a value that is none of its type";
    "V1010" TEXT_ORDER Warning "a condition puts a number among texts, where 100 is less than 18";
    "V1011" CONNECTION_FAILED Error "a connection does not work";
    "V1012" PUBLIC_PLACE Error "strangers can read a bucket or container";
    "V1013" OVERLAPPING_PLACES Error "source and destination are the same place, or one lies in the other";
    "V1014" EXPOSURE_UNKNOWN Warning "it could not be found out whether strangers can read a place";
    "V1015" TOO_FEW_VALUES Error "a mask offers fewer unique values than the files of its task have rows";
    "V1016" UNIQUE_TWICE Error "two tasks make unique values in one file";
    "V1017" COPIED_UNMASKED Warning "a column is copied as it came, though an earlier task masks it";
    "V1021" FILE_REFUSED Error "a file a task selects cannot be read or masked";
    "V1022" UNKNOWN_FORMAT Error "a file a task selects is neither Parquet nor delimited text";
    "V1023" NOTHING_SELECTED Error "no task selects any file";
    "V1024" TASK_SELECTS_NOTHING Warning "a task selects no file";
    "V1025" NOT_SELECTED Error "no task selects a file, under `unmatched: fail`";
    "V1026" ARCHIVED Warning "an object lies in an archive and is left out";
    "V1027" READ_IN_TWO_WAYS Error "two tasks read one file of delimited text with contradicting options";

    "V1101" NOT_A_QUERY Error "`visard sql` is given something else than one query";
    "V1102" WRONG_QUERY Error "a query cannot be understood, or names a table, column or function there is not";
    "V1103" NEEDS_A_RUN Error "a mask needs all rows of a run, so that no query can be answered with it";
    "V1104" NAMES_MAY_BE_VALUES Error "a first record may be no header, so that a query would show values as names of columns";
    "V1105" UNFIT_FORMAT Error "the answer to a query does not fit the format it is asked for in";

    "V1201" NO_TABLE Error "a table that a task names is not there, or cannot be seen";
    "V1202" TABLE_REFUSED Error "a table cannot be masked";
    "V1203" BAD_ROW_KEY Error "a `key` does not tell the rows of its table apart";
    "V1204" BAD_WHERE Error "a `where` is not one condition on its table";
    "V1205" NO_STRATEGY Error "a table can be masked in none of the ways that are asked for";
    "V1206" FOREIGN_KEY Error "a mask would break a foreign key";
    "V1207" UNIQUE_COLUMN Error "a mask may make two values one, and an index asks for unique ones";
    "V1208" CHECKED_COLUMN Warning "a check or an exclusion may refuse masked values";
    "V1209" TRIGGERS Warning "triggers will fire for masked rows";
    "V1210" READ_ONLY Error "a connection for reading only would be written to";
    "V1211" NOT_EMPTY Error "rows or files are where a copy is to go, and `mode` does not say what becomes of them";
    "V1212" NO_TARGET_COLUMN Error "a column has no place in the table that a copy fills";
    "V1213" IN_PLACE_ONLY Error "a task or a mask belongs to tables that are masked in place, and the tables are copied";
    "V1214" COMPUTED_LEFT_OUT Warning "a column that the database computes is left out of a copy";
    "V1215" BAD_JOIN Error "a table cannot be joined: it is not there, or no unique index has its key";
    "V1216" TOO_LONG Error "masked values are longer than their column takes";
    "V1217" MAY_BE_TOO_LONG Warning "masked values may be longer than their column takes; the run fails then";
    "V1218" COPIED_TWICE Error "two tasks copy to one table or folder, or one to where its rows come from";
    "V1219" NOT_BUILT Error "a table for joins cannot be built: the database refuses its query, or there is one";
    "V1220" NOT_MADE Error "a table that a copy is to make cannot be made";
    "V1221" NO_ROOM Error "a run takes more room than is free";
    "V1222" LITTLE_ROOM Warning "a run may take more room than is free";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_in_order_and_unique() {
        assert!(CODES.is_sorted_by(|a, b| a.id < b.id));
        for code in CODES {
            assert!(!code.meaning.ends_with('.'), "{}", code.id);
        }
    }
}
